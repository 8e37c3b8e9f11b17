// Package scimtest is a small SCIM 2.0 directory on the wire: what package scim is tested against, and what the
// simulator serves.
//
// A Server is an http.Handler. Under /scim/v2 it speaks SCIM (Users, Groups, ServiceProviderConfig) to whoever has the
// bearer token, as strictly as the strictest directory in the field: a member's value must be an array, an unknown
// member or path is refused, and so is writing or emptying a whole member list. Quirks makes it behave like other
// directories; Faults makes it fail.
// What a call costs grows with what it changes or shows, not with what else the directory holds: so it can stand beside
// something that is measured.
//
// Outside of SCIM and without a token it shows what it holds: GET /directory is a page for people, GET /_sim/groups
// and /_sim/changes are the same as JSON, and the control routes of package fakewire switch faults, hold calls and count
// them.
package scimtest
