package apispec_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/apispec"
)

// witness is a test that Guard may fail.
type witness struct {
	logs, errors []string
	cleanups     []func()
}

func (*witness) Helper() {}

func (w *witness) Logf(format string, args ...any) {
	w.logs = append(w.logs, fmt.Sprintf(format, args...))
}

func (w *witness) Errorf(format string, args ...any) {
	w.errors = append(w.errors, fmt.Sprintf(format, args...))
}

func (w *witness) Cleanup(f func()) { w.cleanups = append(w.cleanups, f) }

func (w *witness) end() {
	for _, f := range w.cleanups {
		f()
	}
}

func TestGuard_violation(t *testing.T) {
	load(t, apispec.Cloud)
	out := filepath.Join(t.TempDir(), "reports")
	t.Setenv(apispec.EnvOut, out)
	w := &witness{}
	guarded := apispec.Guard(w, apispec.Cloud, answering(200, jsonType, goodIssue))
	guarded.ServeHTTP(httptest.NewRecorder(), call("GET", readIssue, ""))
	guarded.ServeHTTP(httptest.NewRecorder(), call("GET", readIssue+"?field=x", ""))
	require.Empty(t, w.errors, "before the end")
	w.end()
	require.Equal(t, []string{
		`cloud: GET /rest/api/3/issue/{issueIdOrKey}: request: query: the operation has no parameter "field" (1 times)`,
	}, w.errors)
	reports, err := apispec.ReadReports(out)
	require.NoError(t, err)
	require.Len(t, reports, 1)
	require.Equal(t, 2, reports[0].Operations[0].Seen)
}

func TestGuard_says_that_nothing_is_checked(t *testing.T) {
	t.Setenv(apispec.EnvSpecs(apispec.Cloud), "")
	w := &witness{}
	guarded := apispec.Guard(w, apispec.Cloud, answering(http.StatusTeapot, "", ""))
	answer := httptest.NewRecorder()
	guarded.ServeHTTP(answer, call("GET", readIssue, ""))
	w.end()
	require.Equal(t, http.StatusTeapot, answer.Code)
	require.Equal(t, []string{`SKIPPED: the vendor's OpenAPI documents are not at JIRA_SPECS=""; contract checks did not run`}, w.logs)
	require.Empty(t, w.errors)
}

func TestGuard_bad_document(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "jira-dc-10.0.json"), []byte("{"), 0o600))
	t.Setenv(apispec.EnvSpecs(apispec.Cloud), dir)
	w := &witness{}
	apispec.Guard(w, apispec.DataCenter, answering(200, "", ""))
	require.Len(t, w.errors, 1)
	require.Contains(t, w.errors[0], "read the document jira-dc-10.0.json")
}

// report reads the report as a front serves it.
func report(t *testing.T, front *apispec.Front) apispec.Report {
	t.Helper()
	answer := httptest.NewRecorder()
	front.ServeHTTP(answer, call("GET", "/_sim/contract", ""))
	require.Equal(t, "application/json", answer.Header().Get("Content-Type"))
	var r apispec.Report
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &r))
	return r
}

func TestGuard_report(t *testing.T) {
	load(t, apispec.Cloud)
	t.Setenv(apispec.EnvOut, t.TempDir())
	front, err := apispec.InFront(os.Getenv, apispec.Cloud, answering(200, jsonType, goodIssue))
	require.NoError(t, err)
	require.Empty(t, front.Skipped())
	front.ServeHTTP(httptest.NewRecorder(), call("GET", readIssue, ""))
	r := report(t, front)
	require.Equal(t, apispec.Cloud, r.Edition)
	require.Equal(t, 1, r.Operations[0].Validated)
	require.Len(t, r.Documents, 3)
	require.Contains(t, r.Documents[1], "jira-cloud-v3.json 1001.0.0-SNAPSHOT")
	require.NoError(t, front.Close())
	left, err := apispec.ReadReports(os.Getenv(apispec.EnvOut))
	require.NoError(t, err)
	require.Equal(t, []apispec.Report{r}, left)
}

func TestGuard_without_documents(t *testing.T) {
	t.Setenv(apispec.EnvSpecs(apispec.Cloud), "")
	front, err := apispec.InFront(os.Getenv, apispec.Cloud, answering(http.StatusTeapot, "", ""))
	require.NoError(t, err)
	answer := httptest.NewRecorder()
	front.ServeHTTP(answer, call("GET", readIssue, ""))
	require.Equal(t, http.StatusTeapot, answer.Code)
	const skipped = `SKIPPED: the vendor's OpenAPI documents are not at JIRA_SPECS=""; contract checks did not run`
	require.Equal(t, skipped, front.Skipped())
	require.Equal(t, skipped, report(t, front).Skipped)
	require.NoError(t, front.Close())
}

func TestReport_absolute_folder(t *testing.T) {
	load(t, apispec.Cloud)
	t.Setenv(apispec.EnvOut, "reports")
	_, err := apispec.FromEnv(os.Getenv, apispec.Cloud)
	require.EqualError(t, err, "CONTRACT_OUT: expected an absolute path, because tests run in folders of their own")
}

func TestContract_many_sides(t *testing.T) {
	c := load(t, apispec.Cloud)
	guarded := c.Middleware(answering(200, jsonType, goodIssue))
	var all sync.WaitGroup
	for n := range 50 {
		all.Go(func() {
			guarded.ServeHTTP(httptest.NewRecorder(), call("GET", fmt.Sprintf("/rest/api/3/issue/%d", n), ""))
			c.Report()
		})
	}
	all.Wait()
	require.Equal(t, 50, c.Report().Operations[0].Validated)
}

func TestContract_close_writes_once(t *testing.T) {
	load(t, apispec.Cloud)
	out := filepath.Join(t.TempDir(), "new", "folder")
	env := func(name string) string {
		return map[string]string{apispec.EnvSpecs(apispec.Cloud): os.Getenv(apispec.EnvSpecs(apispec.Cloud)), apispec.EnvOut: out}[name]
	}
	for _, row := range []struct {
		edition apispec.Edition
		targets []string
	}{
		{apispec.Cloud, []string{readIssue, "/rest/api/3/myself?no=1", "/_sim/issues"}},
		{apispec.Cloud, []string{readIssue, "/rest/api/3/myself?no=1", "/rest/api/3/nothing", "/_sim/issues"}},
		{apispec.DataCenter, []string{"/rest/api/2/issue/1"}},
	} {
		c, err := apispec.FromEnv(env, row.edition)
		require.NoError(t, err)
		for _, target := range row.targets {
			c.Middleware(answering(200, jsonType, `{"id":"1"}`)).ServeHTTP(httptest.NewRecorder(), call("GET", target, ""))
		}
		require.NoError(t, c.Close())
		require.NoError(t, c.Close())
	}
	reports, err := apispec.ReadReports(out)
	require.NoError(t, err)
	require.Len(t, reports, 3)
	merged := apispec.Merge(reports...)
	require.Len(t, merged, 2)
	cloud, dataCenter := merged[0], merged[1]
	require.Equal(t, apispec.Cloud, cloud.Edition)
	require.Len(t, cloud.Documents, 3)
	require.Len(t, cloud.Operations, 2)
	require.Equal(t, apispec.OperationCount{
		Name: "GET /rest/api/3/issue/{issueIdOrKey}", Seen: 2, Validated: 2, Statuses: map[string]int{"200": 2}, Faults: map[string]int{},
	}, cloud.Operations[0])
	require.Equal(t, []string{"GET /rest/api/3/myself"}, cloud.NotValidated())
	require.Equal(t, 1, cloud.Validated())
	require.Equal(t, 2, cloud.Outside["/_sim/"])
	require.Contains(t, cloud.Broken(), `cloud: GET /rest/api/3/myself: request: query: the operation has no parameter "no" (2 times)`)
	require.Contains(t, cloud.Broken(), `cloud: GET /rest/api/3/nothing: the documents have no such operation (1 times)`)
	require.Equal(t, apispec.DataCenter, dataCenter.Edition)
	require.Empty(t, dataCenter.Broken())
}

func TestContract_close_without_folder(t *testing.T) {
	load(t, apispec.Cloud)
	c, err := apispec.Load(os.Getenv(apispec.EnvSpecs(apispec.Cloud)), apispec.Cloud)
	require.NoError(t, err)
	require.NoError(t, c.Close())
}

func TestReport_bad_file(t *testing.T) {
	for _, content := range []string{"{", "{}"} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "cloud-1.json"), []byte(content), 0o600))
		_, err := apispec.ReadReports(dir)
		require.EqualError(t, err, "read the reports: cloud-1.json is no report of a contract")
	}
	none, err := apispec.ReadReports(filepath.Join(t.TempDir(), "missing"))
	require.NoError(t, err)
	require.Empty(t, none)
}
