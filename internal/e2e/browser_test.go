package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// browserDesk is a system with requests in several states, as the pages show it.
type browserDesk struct {
	*stack.Client
	urls stack.URLs
	// open is the request that waits for Mia; granted is one that has ended.
	open, granted stack.Detail
}

// browserAsk is one request, who decides it, and the state that it then is in; nobody decides with by "".
type browserAsk struct {
	id          access.RequestID
	person      access.PersonID
	entitlement access.EntitlementID
	reason      string
	by          access.PersonID
	verdict     stack.Verdict
	state       access.RequestState
}

const (
	browserReason = "I write the release notes of the next version"
	browserOpen   = "wiki-ben"
	browserEnded  = "wiki-ana"
)

func browserAsks() []browserAsk {
	yes := stack.Verdict{Verdict: access.Approve}
	no := stack.Verdict{Verdict: access.Deny, Reason: "not from a private computer"}
	return []browserAsk{
		{browserEnded, "ana", "wiki/editor", "I keep the handbook", "mia", yes, access.OutcomeGranted},
		{"vpn-ben", "ben", "vpn/user", "I work from home", "mia", no, access.OutcomeDenied},
		{"badge-ana", "ana", "badge/lab", "I measure in the laboratory", "omar", yes, access.StateFulfilling},
		{"admin-ana", "ana", "wiki/admin", "I am on call", "mia", yes, access.StateAwaitingApproval},
		{browserOpen, "ben", "wiki/editor", browserReason, "", stack.Verdict{}, access.StateAwaitingApproval},
	}
}

// TestBrowser reads what people read: operators the Temporal UI, approvers the desk, everybody the directory.
func TestBrowser(t *testing.T) {
	program := browserProgram(t)
	d := startBrowserDesk(t)
	p := openBrowser(t, program)

	p.chooseColumns(d.urls.TemporalUI)
	p.seesRow(d, d.open, "mia")
	p.seesRow(d, d.granted, "")
	p.picture("temporal-list")

	p.seesRun(d)
	p.picture("temporal-run")

	p.approvesOnTheBoard(d)
	ended, err := d.Await(t.Context(), browserOpen, browserState(access.OutcomeGranted))
	require.NoError(t, err)
	require.Len(t, ended.Decisions, 1)
	require.Equal(t, access.PersonID("mia"), ended.Decisions[0].By)
	require.Equal(t, access.ChannelTicket, ended.Decisions[0].Channel)
	p.sees(browserColumn("Done"), string(d.open.Ticket.Key))
	p.seesRow(d, ended, "")

	p.seesMember(d, "wiki-editors", "Ben Baker")
	p.picture("directory")
}

// startBrowserDesk starts a system with the Temporal UI, and brings the requests to their states, one after another: the
// list shows them in that order.
func startBrowserDesk(t *testing.T) *browserDesk {
	t.Helper()
	build(t)
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	said := &log{}
	up, err := stack.Start(ctx, stack.Options{Dir: t.TempDir(), Built: true, Log: said})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, up.Stop(context.WithoutCancel(t.Context())))
		if t.Failed() {
			t.Logf("the stack said:\n%s\nthe end of the worker's log:\n%s", said.text, stack.Tail(up.Log("worker")))
		}
	})
	d := &browserDesk{Client: up.Client(), urls: up.URLs()}
	server, ui := browserVersions(t, d.urls.TemporalUI)
	t.Logf("real server: Temporal %s (UI %s)", server, ui)
	for _, a := range browserAsks() {
		detail := d.bring(t, a)
		switch a.id {
		case browserOpen:
			d.open = detail
		case browserEnded:
			d.granted = detail
		}
	}
	return d
}

// bring submits a request, waits for its ticket, has it decided, and waits for its state.
func (d *browserDesk) bring(t *testing.T, a browserAsk) stack.Detail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), browserWithin)
	defer cancel()
	ask := stack.Ask{ID: a.id, Items: []stack.AskItem{{Entitlement: a.entitlement}}, Reason: a.reason}
	_, err := d.Submit(ctx, a.person, ask)
	require.NoError(t, err)
	_, err = d.Await(ctx, a.id, browserHasTicket)
	require.NoError(t, err)
	if a.by != "" {
		_, err = d.Decide(ctx, a.by, a.id, a.verdict)
		require.NoError(t, err)
	}
	detail, err := d.Await(ctx, a.id, func(d stack.Detail) error {
		if d.Ticket == nil {
			return errors.New("it shows no ticket")
		}
		return browserState(a.state)(d)
	})
	require.NoError(t, err)
	return detail
}

func browserHasTicket(d stack.Detail) error {
	if d.Ticket == nil || len(d.WaitingOn) == 0 {
		return fmt.Errorf("it has the ticket %v and waits for %v", d.Ticket, d.WaitingOn)
	}
	return nil
}

func browserState(state access.RequestState) func(stack.Detail) error {
	return func(d stack.Detail) error {
		if d.State != state {
			return fmt.Errorf("it is %s, expected %s: %s", d.State, state, d.StatusText)
		}
		return nil
	}
}

// browserVersions are those of the Temporal server and of its UI, as the UI says once it has found the server.
func browserVersions(t *testing.T, ui string) (string, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), browserWithin)
	defer cancel()
	ask := func(path string, into any) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, ui+path, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		return json.NewDecoder(response.Body).Decode(into)
	}
	var server struct {
		ServerVersion string `json:"serverVersion"`
	}
	var settings struct{ Version string }
	require.NoError(t, stack.Poll(ctx, func(context.Context) error {
		err := errors.Join(ask("/api/v1/cluster-info", &server), ask("/api/v1/settings", &settings))
		if err == nil && (server.ServerVersion == "" || settings.Version == "") {
			err = errors.New("the UI does not know the versions yet")
		}
		return err
	}))
	return server.ServerVersion, settings.Version
}

// browserList is the Temporal UI's list of all requests.
func browserList(ui string) string {
	return ui + "/namespaces/default/workflows?query=WorkflowType%3D%22AccessRequest%22"
}

// chooseColumns does what docs/operations.md tells an operator to do once in each browser: the columns that tell nothing
// go, usher's come.
func (p *browserPage) chooseColumns(ui string) {
	p.t.Helper()
	p.open(browserList(ui))
	p.click(`[data-testid="workflows-summary-table-configuration-button"]`)
	for _, column := range []string{"Run ID", "Type", "Start", "End"} {
		p.clickAway(`[aria-label="Remove ` + column + ` column"]`)
	}
	for _, column := range []string{"UsherState", "UsherTicket", "UsherSince", "UsherWaitingOn"} {
		p.clickAway(`[aria-label="Add ` + column + ` column"]`)
	}
	p.clickAway(`[data-testid="drawer-close-button"]`)
	p.clickAway(`[aria-label="Collapse saved views"]`)
}

// browserRows reads the list as it stands: a map from column to text for every row.
const browserRows = `(() => {
  const texts = (from, id) => [...from.querySelectorAll('[data-testid^="' + id + '"]')].map((cell) => cell.innerText.trim());
  const heads = texts(document, "workflows-summary-table-header-cell");
  return [...document.querySelectorAll('[data-testid="workflows-summary-configurable-table-row"]')].map((row) => {
    const cells = texts(row, "workflows-summary-table-body-cell");
    return Object.fromEntries(heads.map((head, n) => [head, cells[n] ?? ""]));
  });
})()`

// seesRow waits until the list's row of a request tells its state, its ticket, since when, and whom it waits for. The
// columns were chosen once: the list is loaded anew, and they are still there.
func (p *browserPage) seesRow(d *browserDesk, of stack.Detail, waitsFor string) {
	p.t.Helper()
	want := map[string]string{
		"Workflow ID": "request/" + string(of.Request.ID), "UsherState": string(of.State), "UsherTicket": string(of.Ticket.Key),
		"UsherSince": of.Since.UTC().Format("2006-01-02 UTC 15:04:05"), "UsherWaitingOn": waitsFor,
	}
	p.until("see the row of "+string(of.Request.ID), func(ctx context.Context) error {
		if err := chromedp.Do(ctx, chromedp.Navigate(browserList(d.urls.TemporalUI))); err != nil {
			return err
		}
		return browserSettles(ctx, func(ctx context.Context) error {
			rows, err := chromedp.Run(ctx, chromedp.Evaluate[[]map[string]string](browserRows))
			if err != nil {
				return err
			}
			for _, row := range rows {
				// The UI adds hundredths of a second.
				row["UsherSince"], _, _ = strings.Cut(row["UsherSince"], ".")
				delete(row, "Status")
				if maps.Equal(row, want) {
					return nil
				}
			}
			return fmt.Errorf("the rows are %v, expected %v among them", rows, want)
		})
	})
}

// browserDetails reads the details of a run, which the UI renders in a frame: their text, where their links lead, and
// whether the frame hides a part.
const browserDetails = `(() => {
  const pages = [...document.querySelectorAll("iframe")].map((frame) => frame.contentDocument).filter((page) => page?.body);
  return {
    text: pages.map((page) => page.body.innerText).join("\n"),
    hides: pages.some((page) => [...page.querySelectorAll("main > *")].some((part) =>
      part.innerText.trim() !== "" && part.getBoundingClientRect().bottom > page.documentElement.clientHeight)),
    links: pages.flatMap((page) => [...page.querySelectorAll("a")].map((link) => link.href)),
  };
})()`

// seesRun goes from the list to the run of the open request, and waits until its page names the approver, the next step
// and the ticket.
func (p *browserPage) seesRun(d *browserDesk) {
	p.t.Helper()
	p.click(`a[href*="/workflows/request%2F` + browserOpen + `/"]`)
	p.click("#user-metadata-tab")
	p.until("see the run's details", func(ctx context.Context) error {
		type details struct {
			Text  string   `json:"text"`
			Links []string `json:"links"`
			Hides bool     `json:"hides"`
		}
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[details](browserDetails))
		if err != nil {
			return err
		}
		for _, part := range []string{"Mia Moreau", d.open.StatusText, string(d.open.Ticket.Key), "wiki/editor for ben"} {
			if !strings.Contains(shown.Text, part) {
				return fmt.Errorf("the details are %q, expected %q in them", shown.Text, part)
			}
		}
		if shown.Hides {
			return fmt.Errorf("the frame hides a part of the details %q", shown.Text)
		}
		if !slices.Contains(shown.Links, d.open.Ticket.URL) {
			return fmt.Errorf("the details link to %v, expected %s", shown.Links, d.open.Ticket.URL)
		}
		return nil
	})
	require.Contains(p.t, d.open.StatusText, "Mia Moreau", "the next step names the approver")
}

func browserColumn(status string) string { return ".column[data-status=" + strconv.Quote(status) + "]" }

// approvesOnTheBoard is Mia's work: she says who she is, reads the ticket, goes back to the board, and clicks Approve.
func (p *browserPage) approvesOnTheBoard(d *browserDesk) {
	p.t.Helper()
	key := string(d.open.Ticket.Key)
	card := browserColumn("Waiting for approval") + " .card[data-key=" + strconv.Quote(key) + "]"
	p.open(d.urls.Board)
	p.until("choose Mia", func(ctx context.Context) error {
		who, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("#as").selectedOptions[0].text`))
		if err != nil || who == "Mia Moreau" {
			return err
		}
		err = chromedp.Do(ctx, chromedp.SendKeys(chromedp.CSS("#as"), "Mia"))
		return errors.Join(fmt.Errorf("%s is chosen, expected Mia Moreau", who), err)
	})
	p.sees(card, "Wiki editor for Ben Baker", "Mia Moreau")
	p.picture("jira-board")

	p.click(card + " a.key")
	p.sees("main", key, "Waiting for approval", "Reason: "+browserReason, "Ben Baker")
	p.picture("jira-ticket")

	p.click("header nav a.here")
	p.sees(card, key)
	// The board follows changes of others by loading itself anew, which may take a click with it.
	approve, before := card+` form:has(input[name="to"][value="Approved"]) button`, ""
	p.until("move the card", func(ctx context.Context) error {
		if text, err := browserText(ctx, card); err != nil || text == "" {
			return err
		}
		return errors.Join(errors.New("the card is still waiting for approval"), browserClick(ctx, approve, &before))
	})
}

// seesMember waits until the directory's page shows a person in a group.
func (p *browserPage) seesMember(d *browserDesk, group, name string) {
	p.t.Helper()
	p.open(d.urls.Directory)
	find := `[...document.querySelectorAll("section")].find((s) => s.querySelector("h2").innerText.startsWith(` +
		strconv.Quote(group) + `))?.innerText ?? ""`
	p.until("see the member", func(ctx context.Context) error {
		text, err := chromedp.Run(ctx, chromedp.Evaluate[string](find))
		if err == nil && !strings.Contains(text, name) {
			err = fmt.Errorf("the group shows %q, expected %s", text, name)
		}
		return err
	})
}
