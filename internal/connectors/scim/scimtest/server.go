package scimtest

import (
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"

	"usher/internal/connectors/fakewire"
)

// Config seeds a Server. Every field works as its zero value.
type Config struct {
	// Token is the bearer token that SCIM calls must carry; "" accepts every call.
	Token string
	// Users and Groups are there from the beginning. An ID that is "" is made up.
	Users  []User
	Groups []Group
	// PageSize is how many records a page of a listing holds at most; 0 means 20.
	PageSize int
	// Quirks makes the directory behave like others in the field.
	Quirks Quirks
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Quirks are what other directories do differently.
type Quirks struct {
	// HideMembers lists every group without members.
	HideMembers bool
	// CutMembers lists no more than the first n members of a group; 0 lists them all.
	CutMembers int
	// MemberFilter is the one attribute by which a filter can ask for a member; "" means "members.value", and
	// NoMemberFilter that a filter cannot.
	MemberFilter string
	// IgnoreFilters lists everything, whatever the filter asks.
	IgnoreFilters bool
	// IgnoreStartIndex answers every page with the first one.
	IgnoreStartIndex bool
	// ExactNames compares userName and displayName with regard to case.
	ExactNames bool
	// SilentPatch answers every PATCH with 204 and no body.
	SilentPatch bool
	// NoPatch has ServiceProviderConfig without PATCH, and refuses it.
	NoPatch bool
}

// NoMemberFilter is the Quirks.MemberFilter of a directory that cannot filter by member.
const NoMemberFilter = "none"

// User is one account. Its zero Inactive is an active account.
type User struct {
	ID          string `json:"id" yaml:"id"`
	UserName    string `json:"user_name" yaml:"user_name"`
	ExternalID  string `json:"external_id,omitempty" yaml:"external_id"`
	DisplayName string `json:"display_name,omitempty" yaml:"display_name"`
	Email       string `json:"email,omitempty" yaml:"email"`
	// Manager is the ID of another user; "" for none.
	Manager  string `json:"manager,omitempty" yaml:"manager"`
	Inactive bool   `json:"inactive,omitempty" yaml:"inactive"`
	// Title, Department and CostCenter are "" for none.
	Title      string `json:"title,omitempty" yaml:"title"`
	Department string `json:"department,omitempty" yaml:"department"`
	CostCenter string `json:"cost_center,omitempty" yaml:"cost_center"`
}

// Group is one group. Members are IDs of users.
type Group struct {
	ID          string   `json:"id" yaml:"id"`
	DisplayName string   `json:"display_name" yaml:"display_name"`
	Members     []string `json:"members,omitempty" yaml:"members"`
}

// Server is the directory. Safe for concurrent use. Its calls are counted, held and spoilt by their HTTP method.
type Server struct {
	*fakewire.Wire
	token    string
	pageSize int
	quirks   Quirks
	now      func() time.Time
	mux      *http.ServeMux

	mu    sync.Mutex
	state state
	// journal is nil for a directory that nothing keeps.
	journal *fakewire.Journal
	// staleReads is Faults.StaleReads.
	staleReads int
}

// New makes a directory with the seeds of c. Nothing outlives it: see KeepIn.
func New(c Config) *Server {
	s := &Server{token: c.Token, pageSize: c.PageSize, quirks: c.Quirks, now: c.Now, state: newState()}
	s.Wire = fakewire.New(fakewire.Config{
		JSON: "application/scim+json", Now: c.Now,
		Refuse: func(status int, message string) *answer { return refuse(status, "", message) },
	})
	if s.pageSize == 0 {
		s.pageSize = 20
	}
	if s.now == nil {
		s.now = time.Now
	}
	for _, u := range c.Users {
		// Nothing keeps it yet, so nothing can fail.
		_, _ = s.putUser(u)
	}
	for _, g := range c.Groups {
		_, _ = s.putGroup(g)
	}
	s.mux = s.routes()
	return s
}

// BasePath is where SCIM is served: a client's base URL is the server's address and this path.
const BasePath = "/scim/v2"

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, handler := range map[string]scimHandler{
		"GET /ServiceProviderConfig": s.getServiceProviderConfig,
		"GET /Users":                 s.listUsers,
		"POST /Users":                s.createUser,
		"GET /Users/{id}":            s.getUser,
		"PUT /Users/{id}":            s.replaceUser,
		"PATCH /Users/{id}":          s.patchUser,
		"DELETE /Users/{id}":         s.deleteUser,
		"GET /Groups":                s.listGroups,
		"POST /Groups":               s.createGroup,
		"GET /Groups/{id}":           s.getGroup,
		"PATCH /Groups/{id}":         s.patchGroup,
		"DELETE /Groups/{id}":        s.deleteGroup,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+BasePath+path, s.scim(handler))
	}
	mux.HandleFunc(BasePath+"/", s.scim(func(*http.Request, []byte) *answer {
		return refuse(http.StatusNotFound, "", "no such endpoint")
	}))
	s.routeInspection(mux)
	return mux
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

func (s *Server) authorized(r *http.Request) bool {
	if s.token == "" {
		return true
	}
	given, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return found && subtle.ConstantTimeCompare([]byte(given), []byte(s.token)) == 1
}
