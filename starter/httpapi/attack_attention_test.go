package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// "References that begin with usher: and ids that begin with usher- are refused from callers, so nobody can pass for it" (ADR 32). What a person reads as that is not: another case, a blank or a sign
// that is not seen before it. The caller may give the application `usher` as well, so the ticket goes to the same people as usher's own, with any command in its text.
func TestAttackAttention_callers_pass_for_usher(t *testing.T) {
	for name, body := range map[string]string{
		"another case":     `{"reference":"Usher:people/hr","summary":"usher holds back 12 changes of the people of hr"}`,
		"upper case":       `{"reference":"USHER:people/hr","summary":"usher holds back 12 changes of the people of hr"}`,
		"a blank before":   `{"reference":" usher:people/hr","summary":"usher holds back 12 changes of the people of hr"}`,
		"nothing seen":     `{"reference":"\u200busher:people/hr","summary":"usher holds back 12 changes of the people of hr"}`,
		"the application":  `{"reference":"CVE-9","application":"usher","summary":"usher holds back 12 changes of the people of hr"}`,
		"another case, id": `{"id":"Usher-0123456789ab-1","reference":"CVE-9","summary":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := incidentWorld(t)
			w.gateway.answer.Created = true
			got := w.call("scanner", "POST", "/v1/tickets", body)
			require.Equal(t, http.StatusUnprocessableEntity, got.status, fmt.Sprint(w.gateway.handedIn))
		})
	}
}
