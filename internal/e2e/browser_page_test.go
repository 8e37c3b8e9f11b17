package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"usher/internal/devstack/stack"
)

const (
	// browserWithin is how long a page may take to show what is expected.
	browserWithin = 60 * time.Second
	// browserStep is how long one look or click may take, before it is tried again.
	browserStep = 15 * time.Second
	// browserSettle is how long a page that is loaded may take to draw itself, before it is loaded anew.
	browserSettle = 5 * time.Second
	// The size of a page, and so of a picture.
	browserWidth, browserHeight = 1280, 800
	// browserPictureLimit is what a picture in the documents may weigh, in bytes.
	browserPictureLimit = 200_000
	// browserPictures is where the documents find the pictures, below usher's folder.
	browserPictures = "docs/pictures"
)

// browserPage is a tab of a headless Chromium with a profile of its own. Its methods end the test when the page does not
// do what is expected.
type browserPage struct {
	t        *testing.T
	tab      context.Context
	pictures string
}

// browserProgram is the path of Chromium. Without it the test is skipped; in CI it fails.
func browserProgram(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "Chromium is missing: apt-get install chromium (or put chromium or google-chrome on the PATH)"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// openBrowser starts Chromium. It calls nobody but the pages that it is sent to.
func openBrowser(t *testing.T, program string) *browserPage {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), program, "--version").Output()
	require.NoError(t, err)
	t.Logf("real server: %s", strings.Join(strings.Fields(string(version))[:2], " "))
	ctx := context.WithoutCancel(t.Context())
	ctx, endAllocator := chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(browserWidth, browserHeight),
		chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-default-apps", true), chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("metrics-recording-only", true),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("hide-scrollbars", true),
		chromedp.Env("TMPDIR="+t.TempDir()), chromedp.WSURLReadTimeout(browserWithin),
	)
	t.Cleanup(endAllocator)
	tab, endTab := chromedp.NewContext(ctx)
	t.Cleanup(endTab)
	// The first action starts the browser, which lives as long as that action's context: it has no deadline.
	require.NoError(t, chromedp.Do(tab, chromedp.EmulateViewport(browserWidth, browserHeight)))
	return &browserPage{t: t, tab: tab, pictures: browserPictureDir(t)}
}

// browserPictureDir is where pictures go: to the documents with UPDATE_PICTURES=1, else where the test's end removes
// them.
func browserPictureDir(t *testing.T) string {
	t.Helper()
	if os.Getenv("UPDATE_PICTURES") != "1" {
		return t.TempDir()
	}
	root, err := stack.FindRoot()
	require.NoError(t, err)
	dir := filepath.Join(root, filepath.FromSlash(browserPictures))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	return dir
}

// open goes to a page.
func (p *browserPage) open(url string) {
	p.t.Helper()
	p.until("open "+url, func(ctx context.Context) error { return chromedp.Do(ctx, chromedp.Navigate(url)) })
}

// click clicks what the CSS selector finds, as soon as it can be seen, holds still, and nothing lies above it.
func (p *browserPage) click(selector string) {
	p.t.Helper()
	before := ""
	p.until("click "+selector, func(ctx context.Context) error {
		return browserClick(ctx, selector, &before)
	})
}

// browserClick clicks what the CSS selector finds where it was at the last call already; before says where that was.
func browserClick(ctx context.Context, selector string, before *string) error {
	where := `((found) => {
  if (!found) { return ""; }
  found.scrollIntoViewIfNeeded();
  const box = found.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return top !== null && found.contains(top) ? box.x + " " + box.y : "";
})(document.querySelector(` + strconv.Quote(selector) + `))`
	now, err := chromedp.Run(ctx, chromedp.Evaluate[string](where))
	if err != nil {
		return err
	}
	if now == "" || now != *before {
		*before = now
		return fmt.Errorf("%s is not there, is hidden or moves", selector)
	}
	return chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// sees waits until the text of what the CSS selector finds holds every part.
func (p *browserPage) sees(selector string, parts ...string) {
	p.t.Helper()
	p.until("see "+selector, func(ctx context.Context) error {
		text, err := browserText(ctx, selector)
		if err != nil {
			return err
		}
		for _, part := range parts {
			if !strings.Contains(text, part) {
				return fmt.Errorf("%s shows %q, expected %q in it", selector, text, part)
			}
		}
		return nil
	})
}

// clickAway clicks what the CSS selector finds, and waits until it is gone.
func (p *browserPage) clickAway(selector string) {
	p.t.Helper()
	p.click(selector)
	p.until("click "+selector+" away", func(ctx context.Context) error {
		there, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("document.querySelector("+strconv.Quote(selector)+") !== null"))
		if err == nil && there {
			err = errors.New("it is still there")
		}
		return err
	})
}

// until asks until the answer is nil: pages load, follow changes by themselves and draw themselves anew.
func (p *browserPage) until(what string, ask func(context.Context) error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.tab, browserWithin)
	defer cancel()
	last := errors.New("it never answered")
	err := stack.Poll(ctx, func(all context.Context) error {
		ctx, cancel := context.WithTimeout(all, browserStep)
		defer cancel()
		err := ask(ctx)
		if err != nil && all.Err() == nil {
			last = err
		}
		return err
	})
	if err != nil {
		p.fail(what, last)
	}
}

// browserSettles asks until the answer is nil, for as long as a page may take to draw itself.
func browserSettles(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, browserSettle)
	defer cancel()
	return stack.Poll(ctx, ask)
}

// fail ends the test with what the page shows, and with a picture of it that stays.
func (p *browserPage) fail(what string, err error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.tab, browserStep)
	defer cancel()
	text, _ := browserText(ctx, "body")
	if shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
		file := filepath.Join(os.TempDir(), "usher-browser-failed.png")
		require.NoError(p.t, os.WriteFile(file, shot, 0o644))
		p.t.Logf("a picture of the page is %s", file)
	}
	require.NoError(p.t, err, "%s; the page shows:\n%s", what, text)
}

// browserText is the text of what the CSS selector finds first, as a person sees it; "" when there is none.
func browserText(ctx context.Context, selector string) (string, error) {
	return chromedp.Run(ctx, chromedp.Evaluate[string]("document.querySelector("+strconv.Quote(selector)+")?.innerText ?? ''"))
}

// picture keeps what the page shows now.
func (p *browserPage) picture(name string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.tab, browserWithin)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(p.t, err)
	picture, err := png.Decode(bytes.NewReader(shot))
	require.NoError(p.t, err)
	var small bytes.Buffer
	require.NoError(p.t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, picture))
	require.NoError(p.t, os.WriteFile(filepath.Join(p.pictures, name+".png"), small.Bytes(), 0o644))
	p.t.Logf("%s.png: %d bytes", name, small.Len())
	require.Equal(p.t, image.Pt(browserWidth, browserHeight), picture.Bounds().Size())
	require.Less(p.t, small.Len(), browserPictureLimit)
}
