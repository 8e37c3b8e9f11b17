package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/apispec"
)

// specs is a folder in which the vendor's documents seem to be: the command only looks whether they are there.
func specs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"jira-cloud-v3.json", "jira-cloud-v2.everit.json", "jsm-cloud-2021.json", "jira-dc-10.0.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	require.NoError(t, apispec.Available(dir, apispec.Cloud))
	return dir
}

// reports writes reports into a folder.
func reports(t *testing.T, all ...apispec.Report) string {
	t.Helper()
	dir := t.TempDir()
	for n, r := range all {
		raw, err := json.Marshal(r)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, string(rune('a'+n))+".json"), raw, 0o600))
	}
	return dir
}

func operation(name string, seen, validated int) apispec.OperationCount {
	return apispec.OperationCount{Name: name, Seen: seen, Validated: validated}
}

func TestVerdict(t *testing.T) {
	dir := specs(t)
	one := apispec.Report{Edition: apispec.Cloud, Operations: []apispec.OperationCount{operation("GET /a", 2, 2), operation("PUT /b", 1, 0)}}
	other := apispec.Report{Edition: apispec.Cloud, Operations: []apispec.OperationCount{operation("PUT /b", 3, 1)}}
	dc := apispec.Report{Edition: apispec.DataCenter, Operations: []apispec.OperationCount{operation("GET /c", 1, 1)}}
	broken := dc
	broken.Violations = []apispec.ViolationCount{{
		Violation: apispec.Violation{Operation: "GET /c", Side: apispec.SideResponse, What: "body: it is not JSON"}, Times: 4,
	}}
	missing := dc
	missing.Missing = map[string]int{"GET /d": 2}
	for name, row := range map[string]struct {
		reports []apispec.Report
		args    []string
		ok      bool
		want    string
	}{
		"what one test did not validate another one did": {
			[]apispec.Report{one, other}, nil, true, "cloud: operations seen: 2, validated: 2, seen minus validated: {}\n",
		},
		"an operation that nobody validated": {
			[]apispec.Report{one}, nil, false, "cloud: operations seen: 2, validated: 1, seen minus validated: {PUT /b}\n",
		},
		"two editions": {
			[]apispec.Report{dc, one, other},
			[]string{"-need", "cloud,data_center"},
			true,
			"cloud: operations seen: 2, validated: 2, seen minus validated: {}\n" +
				"data_center: operations seen: 1, validated: 1, seen minus validated: {}\n",
		},
		"an edition that is needed and not there": {
			[]apispec.Report{dc},
			[]string{"-need", "cloud,data_center"},
			false,
			"cloud: there is no report\ndata_center: operations seen: 1, validated: 1, seen minus validated: {}\n",
		},
		"a violation": {
			[]apispec.Report{broken}, nil, false, "data_center: operations seen: 1, validated: 1, seen minus validated: {}\n" +
				"  data_center: GET /c: response: body: it is not JSON (4 times)\n",
		},
		"an operation that the documents do not have": {
			[]apispec.Report{missing}, nil, false, "data_center: operations seen: 1, validated: 1, seen minus validated: {}\n" +
				"  data_center: GET /d: the documents have no such operation (2 times)\n",
		},
		"a report in which nothing was seen": {
			[]apispec.Report{{Edition: apispec.Cloud}}, nil, false, "cloud: operations seen: 0, validated: 0, seen minus validated: {}\n",
		},
		"no report": {nil, nil, false, "there is no report of any edition\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(row.args, env(dir, reports(t, row.reports...)), &out)
			require.Equal(t, row.ok, err == nil, "%v", err)
			require.Equal(t, row.want, out.String())
		})
	}
}

func env(specs, out string) func(string) string {
	return func(name string) string {
		return map[string]string{apispec.EnvSpecs(apispec.Cloud): specs, apispec.EnvOut: out}[name]
	}
}

func TestReport_removed(t *testing.T) {
	dir := specs(t)
	left := reports(t, apispec.Report{Edition: apispec.Cloud, Operations: []apispec.OperationCount{operation("GET /a", 1, 1)}})
	require.NoError(t, run(nil, env(dir, left), &bytes.Buffer{}))
	require.DirExists(t, left)
	require.NoError(t, run([]string{"-remove"}, env(dir, left), &bytes.Buffer{}))
	require.NoDirExists(t, left)
}

func TestVerdict_without_documents(t *testing.T) {
	const skipped = `SKIPPED: the vendor's OpenAPI documents are not at JIRA_SPECS=""; contract checks did not run`
	var out bytes.Buffer
	require.NoError(t, run([]string{"-need", "cloud"}, env("", t.TempDir()), &out))
	require.Equal(t, skipped+"\n", out.String())
}

// TestVerdict_own_documents: what is checked against usher's own documents counts without those of others.
func TestVerdict_own_documents(t *testing.T) {
	left := reports(t, apispec.Report{Edition: apispec.ServiceNow, Operations: []apispec.OperationCount{operation("GET /a", 2, 1)}})
	var out bytes.Buffer
	require.NoError(t, run([]string{"-need", "cloud,servicenow"}, env("", left), &out))
	require.Equal(t, `SKIPPED: the vendor's OpenAPI documents are not at JIRA_SPECS=""; contract checks did not run`+"\n"+
		`SKIPPED: the vendor's OpenAPI documents are not at SERVICENOW_SPECS=""; contract checks ran against usher's own document only`+"\n"+
		"servicenow: operations seen: 1, validated: 1, seen minus validated: {}\n", out.String())
}

func TestReport_folder_required(t *testing.T) {
	require.EqualError(t, run(nil, env("", ""), &bytes.Buffer{}), "CONTRACT_OUT: expected the folder of the reports")
}
