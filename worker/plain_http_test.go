package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"usher/internal/connectors/csvfeed"
	"usher/internal/connectors/jira"
	"usher/internal/connectors/requesttracker"
	"usher/internal/connectors/scim"
	"usher/internal/connectors/servicenow"
)

// TestPlainHTTP goes through every setting that names where credentials are sent.
func TestPlainHTTP(t *testing.T) {
	const plain = "http://desk.example.com/scim/v2"
	for key, refused := range map[string]func(allowed bool) error{
		"jira.base_url": func(allowed bool) error {
			return jira.Config{BaseURL: plain, AllowPlainHTTP: allowed}.Validate()
		},
		"jira.token_url": func(allowed bool) error {
			return jira.Config{BaseURL: "https://desk.example.com", Auth: jira.AuthOAuth, TokenURL: plain, AllowPlainHTTP: allowed}.Validate()
		},
		"requesttracker.base_url": func(allowed bool) error {
			return requesttracker.Config{BaseURL: plain, AllowPlainHTTP: allowed}.Validate()
		},
		"servicenow.base_url": func(allowed bool) error {
			return servicenow.Config{BaseURL: plain, AllowPlainHTTP: allowed}.Validate()
		},
		"servicenow.token_url": func(allowed bool) error {
			return servicenow.Config{BaseURL: "https://desk.example.com", Auth: servicenow.AuthOAuth, TokenURL: plain, AllowPlainHTTP: allowed}.Validate()
		},
		"scim.base_url": func(allowed bool) error {
			return scim.Config{BaseURL: plain, AllowPlainHTTP: allowed}.Validate()
		},
	} {
		t.Run(key, func(t *testing.T) {
			// The other problems of these configurations stay.
			require.ErrorContains(t, refused(false), "_url: found http to another machine")
			require.NotContains(t, refused(true).Error(), "found http to another machine")
		})
	}
	require.ErrorContains(t, csvfeed.Config{URL: "http://hr.example.com/people.csv"}.Validate(), "http only on loopback")
}
