package apispec_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/apispec"
)

// load returns the contract of an edition; the test is skipped without the vendor's documents.
func load(t testing.TB, edition apispec.Edition) *apispec.Contract {
	t.Helper()
	c, err := apispec.FromEnv(os.Getenv, edition)
	skipWithout(t, err)
	require.NoError(t, err)
	return c
}

// skipWithout skips a test where the documents are not there: they are the vendor's, and nothing that a script installs.
func skipWithout(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, apispec.ErrNoDocuments) {
		t.Skip(err)
	}
}

func TestContract_without_documents(t *testing.T) {
	empty := t.TempDir()
	for name, row := range map[string]struct{ dir, want string }{
		"no folder is named":              {"", `SKIPPED: the vendor's OpenAPI documents are not at JIRA_SPECS=""; contract checks did not run`},
		"a document is not in the folder": {empty, "SKIPPED: the vendor's OpenAPI documents are not at JIRA_SPECS=" + empty + " (no file jira-cloud-v3.json); contract checks did not run"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apispec.Load(row.dir, apispec.Cloud)
			require.ErrorIs(t, err, apispec.ErrNoDocuments)
			require.EqualError(t, err, row.want)
			require.EqualError(t, apispec.Available(row.dir, apispec.Cloud), row.want)
		})
	}
}

func TestEdition_unknown(t *testing.T) {
	_, err := apispec.Load(t.TempDir(), "server")
	require.EqualError(t, err, `load the contract: unknown edition "server"; expected one of cloud, data_center, servicenow`)
}
