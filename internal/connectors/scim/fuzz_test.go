package scim

import (
	"encoding/json"
	"testing"
)

// FuzzUser: whatever a directory writes of a user is read or refused.
func FuzzUser(f *testing.F) {
	for _, text := range []string{
		`{"id":"1","userName":"ana","active":"True","emails":[{"value":"a@b","type":"work","primary":true}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":"m"}}`,
		`{"id":1}`, `{"active":null}`, `{"emails":{}}`, `[]`, `"x"`, `{"manager":{"value":{}}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(_ *testing.T, text []byte) {
		var raw rawUser
		if json.Unmarshal(text, &raw) != nil {
			return
		}
		raw.recordID()
		raw.named()
		var one struct {
			Active  boolean   `json:"active"`
			Manager reference `json:"manager"`
		}
		_ = json.Unmarshal(text, &one)
	})
}
