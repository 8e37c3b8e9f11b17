package apispec

import "strings"

// Outside is a part of a server that the vendor's documents do not describe and that is not held against them.
type Outside struct {
	// Path is what a path begins with, behind whatever stands before the site. One without a slash at its end is a whole
	// path as well.
	Path string
	// Reason is why it may be called nevertheless.
	Reason string
}

// OutsideRules are all such parts. A path that is neither here nor in the documents is a violation.
func OutsideRules() []Outside {
	return []Outside{
		{"/_sim/", "the controls of the fake: no part of any Jira"},
		{"/_edge/tenant_info", "where a Cloud site tells its cloud id: it exists, and no document describes it"},
		{"/_sso/", "where a fault leads callers who shall log in: a page for people"},
		{"/board", "the fake's own page for people who click"},
		{"/browse/", "a page for people: the documents describe no pages"},
		{"/favicon.ico", "asked for by browsers"},
		{"/rest/webhooks/", "the administrators' list of webhooks, of Cloud and of Data Center up to 9: it exists, and no document describes it"},
		{"/rest/jira-webhook/", "the same list from Data Center 10 on"},
	}
}

// outsideRule is the rule for a path.
func outsideRule(path string) (Outside, bool) {
	if strings.Contains(path, "/rest/api/") {
		return Outside{}, false
	}
	if path == "/" {
		return Outside{Path: "/", Reason: "the site's first page"}, true
	}
	for _, rule := range OutsideRules() {
		if within(path, rule.Path) {
			return rule, true
		}
	}
	return Outside{}, false
}

// within reports whether a path, or what is left of it behind the place of the site, begins with a prefix.
func within(path, prefix string) bool {
	at := strings.Index(path, prefix)
	if at < 0 {
		return false
	}
	after := path[at+len(prefix):]
	return strings.HasSuffix(prefix, "/") || after == "" || after[0] == '/'
}
