package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"usher/internal/access"
	"usher/internal/devstack/stack"
)

// submit asks as somebody, and waits until the manager may decide.
func (e *edges) submit(ctx context.Context, as access.PersonID, id string) error {
	got, err := e.call(ctx, as, http.MethodPost, "/v1/requests", `{"id":"`+id+`",`+asksWiki+`}`)
	if err := errors.Join(err, got.expects(http.StatusCreated, id)); err != nil {
		return err
	}
	_, err = e.Await(ctx, access.RequestID(id), func(d stack.Detail) error {
		if d.State != access.StateAwaitingApproval || d.Ticket == nil {
			return fmt.Errorf("the request is %s", d.State)
		}
		return nil
	})
	return err
}

func grantAfterRevocation(ctx context.Context, e *edges) error {
	if err := e.submit(ctx, "ana", "epoch"); err != nil {
		return err
	}
	got, err := e.call(ctx, stack.HelpDesk, http.MethodPost, "/v1/people/ana/revocations", `{"reason":"The laptop was stolen"}`)
	if err := errors.Join(err, got.expects(http.StatusCreated, "ana")); err != nil {
		return err
	}
	got, err = e.call(ctx, "mia", http.MethodPost, "/v1/requests/epoch/decisions", `{"verdict":"approve"}`)
	if err := errors.Join(err, got.expects(http.StatusOK, "epoch")); err != nil {
		return fmt.Errorf("approve: %w", err)
	}
	if _, err := e.Await(ctx, "epoch", func(d stack.Detail) error {
		if d.State != access.OutcomeDenied {
			return fmt.Errorf("the request is %s", d.State)
		}
		return nil
	}); err != nil {
		return err
	}
	members, err := e.Members(ctx, "wiki-editors")
	if err == nil && len(members) > 0 {
		err = fmt.Errorf("the group has %v", members)
	}
	return err
}

// slowStrangers opens connections that each send a body of 1 MiB of nobody's, but for its end. A server that takes bodies before it knows their callers
// would hold them all.
func slowStrangers(ctx context.Context, e *edges) error {
	const strangers, size = 500, 1 << 20
	address := strings.TrimPrefix(e.url, "http://")
	var conns [strangers]net.Conn
	for i := range conns {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		conns[i] = conn
	}
	var sent sync.WaitGroup
	for _, conn := range conns {
		sent.Go(func() {
			head := fmt.Sprintf("POST /v1/requests HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", size)
			// A server that has refused the caller reads no more, or hangs up: then it cannot be written.
			_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
			_, _ = conn.Write([]byte(head + strings.Repeat(" ", size-1)))
		})
	}
	sent.Wait()
	got, err := e.call(ctx, "", http.MethodGet, "/livez", "")
	if err := errors.Join(err, got.expects(http.StatusOK, "")); err != nil {
		return err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.pid))
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err == nil && kb > maxServeMB<<10 {
		err = fmt.Errorf("usher serve held %d kB, expected at most %d MB", kb, maxServeMB)
	}
	return err
}

func endlessCalls(ctx context.Context, e *edges) error {
	for range 100 {
		// What is refused counts as well.
		got, err := e.call(ctx, "omar", http.MethodPost, "/v1/requests", `{}`)
		switch {
		case err != nil:
			return err
		case got.status == http.StatusTooManyRequests && got.header.Get("Retry-After") != "":
			return nil
		}
	}
	return errors.New("100 calls at once were all taken")
}

func askTwice(ctx context.Context, e *edges) error {
	if err := e.submit(ctx, "ben", "first"); err != nil {
		return err
	}
	got, err := e.call(ctx, "ben", http.MethodPost, "/v1/requests", `{"id":"second",`+asksWiki+`}`)
	return errors.Join(err, got.expects(http.StatusOK, `"joined":true`), got.expects(http.StatusOK, `"first"`))
}

// refusesToStart runs a program with a configuration that it must refuse, naming a key.
func (e *edges) refusesToStart(ctx context.Context, program, config, key string, args ...string) error {
	path := filepath.Join(e.stack.Dir(), program+"-refused.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, filepath.Join(e.stack.BinDir(), program), append(args, "--config", path)...)
	command.Env = e.environment
	out, err := command.CombinedOutput()
	if err == nil || !strings.Contains(string(out), key) {
		return fmt.Errorf("%s ended with code %d and said %s, expected that it names %s", program, command.ProcessState.ExitCode(), out, key)
	}
	return nil
}

func editableClaim(ctx context.Context, e *edges) error {
	return e.refusesToStart(ctx, "usher",
		"ledger: {url: \"sqlite:x.db\"}\nauth: {mode: oidc, oidc: {issuer: \"https://id.example\", audience: usher, person_claim: email}}\n", "person_claim", "serve")
}

func occupyKey(ctx context.Context, e *edges) error {
	got, err := e.call(ctx, "mia", http.MethodPost, "/v1/requests", `{`+asksWiki+`}`, "Idempotency-Key", "monday")
	if err != nil {
		return err
	}
	var made struct {
		Request struct{ ID string } `json:"request"`
	}
	if err := json.Unmarshal([]byte(got.body), &made); err != nil || made.Request.ID == "" {
		// What policy refuses has its id at Location.
		made.Request.ID = strings.TrimPrefix(got.header.Get("Location"), "/v1/requests/")
	}
	if made.Request.ID == "" {
		return fmt.Errorf("no id in %d %s", got.status, got.body)
	}
	// An id of the same form, that a key would have which nobody has used yet.
	next := made.Request.ID[:len(made.Request.ID)-1] + "x"
	got, err = e.call(ctx, "ben", http.MethodPost, "/v1/requests", `{"id":"`+next+`",`+asksWiki+`}`)
	return errors.Join(err, got.expects(http.StatusUnprocessableEntity, "body.id"))
}

func dotIDs(ctx context.Context, e *edges) error {
	for _, id := range []string{".", ".."} {
		got, err := e.call(ctx, "ben", http.MethodPost, "/v1/requests", `{"id":"`+id+`",`+asksWiki+`}`)
		if err := errors.Join(err, got.expects(http.StatusUnprocessableEntity, "body.id")); err != nil {
			return err
		}
	}
	return nil
}

func ambiguousBodies(ctx context.Context, e *edges) error {
	var failed error
	for _, body := range []string{
		`{"subject":"ben","SUBJECT":"mia",` + asksWiki + `}`, `{"items":[{"entitlement":"wiki/editor"}],"reaſon":"x"}`,
		`{"items":[{"entitlement":"wiki/editor","duration":"9d"}],"items":[{"entitlement":"wiki/editor"}],"reason":"x"}`,
		`{"items":[{"entitlement":"wiki/editor"}],"reason":"\ud83d"}`, "{\"items\":[{\"entitlement\":\"wiki/editor\"}],\"reason\":\"\xff\"}",
		`{"items":[{"entitlement":"wiki/editor"}],"reason":"a\u202eb"}`,
	} {
		// Policy would let ben ask.
		got, err := e.call(ctx, "ben", http.MethodPost, "/v1/requests", body)
		if err != nil || (got.status != http.StatusBadRequest && got.status != http.StatusUnprocessableEntity) || !strings.Contains(got.body, `"errors"`) {
			failed = errors.Join(failed, err, fmt.Errorf("%s was answered with %d %s", body, got.status, got.body))
		}
	}
	for _, header := range [][2]string{{"Content-Type", "text/plain"}, {"Content-Encoding", "gzip"}} {
		got, err := e.call(ctx, "ben", http.MethodPost, "/v1/requests", `{`+asksWiki+`}`, header[0], header[1])
		failed = errors.Join(failed, err, got.expects(http.StatusUnsupportedMediaType, ""))
	}
	return failed
}

// beside asks the program that was started with what Kubernetes sets beside a Service of its name, and the other one is asked for its configuration in the same place.
func beside(ctx context.Context, e *edges) error {
	got, err := e.call(ctx, "", http.MethodGet, "/livez", "")
	if err := errors.Join(err, got.expects(http.StatusOK, "")); err != nil {
		return err
	}
	worker := exec.CommandContext(ctx, filepath.Join(e.stack.BinDir(), "usher-worker"), "-probe", "-config", filepath.Join(e.stack.Dir(), "worker.yaml"))
	worker.Env = e.environment
	out, err := worker.CombinedOutput()
	if err != nil {
		return fmt.Errorf("usher-worker: %w: %s", err, out)
	}
	return nil
}

func plainHTTP(ctx context.Context, e *edges) error {
	text, err := os.ReadFile(filepath.Join(e.stack.Dir(), "worker.yaml"))
	if err != nil {
		return err
	}
	jira := strings.Index(string(text), "base_url:")
	if jira < 0 {
		return errors.New("the worker's configuration has no base_url")
	}
	end := strings.Index(string(text[jira:]), "\n")
	changed := string(text[:jira]) + `base_url: "http://desk.example.com"` + string(text[jira+end:])
	return e.refusesToStart(ctx, "usher-worker", changed, "base_url")
}

func existence(ctx context.Context, e *edges) error {
	if err := e.submit(ctx, "ana", "hidden"); err != nil {
		return err
	}
	for _, call := range [][3]string{
		{http.MethodGet, "", ""}, {http.MethodGet, "/audit", ""}, {http.MethodPost, "/decisions", `{"verdict":"approve"}`}, {http.MethodPost, "/withdraw", `{"reason":"x"}`},
	} {
		var said []string
		for _, id := range []string{"hidden", "never"} {
			got, err := e.call(ctx, "kim", call[0], "/v1/requests/"+id+call[1], call[2], "X-Request-Id", "same")
			if err := errors.Join(err, got.expects(http.StatusNotFound, "")); err != nil {
				return fmt.Errorf("%s %s: %w", id, call[1], err)
			}
			said = append(said, strings.ReplaceAll(got.body, id, "ID"))
		}
		if said[0] != said[1] {
			return fmt.Errorf("%s: %s and %s", call[1], said[0], said[1])
		}
	}
	return nil
}
