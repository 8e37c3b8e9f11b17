package jiratest

import (
	"encoding/json"
	"net/http"
	"strconv"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

// Server is the fake. It is an http.Handler, safe for concurrent use. Close it when it is no longer needed.
type Server struct {
	*desktest.Desk
	cfg   Config
	store *desktest.Store

	// What follows is guarded by the desk's lock. faults are those that not every fake has.
	faults Faults
	// failedLogins counts wrong passwords in a row, by account id.
	failedLogins map[string]int
	// limiter and quota are what was used of Faults.Limits.
	limiter fakewire.Limiter
	quota   quota
	// performed counts the calls that were run.
	performed int
	// lastBase is the address by which the site was last called, for links in webhooks.
	lastBase   string
	registered []registration
	// groups are those of the configuration, with the members that they have now. gone are accounts that were removed, by their ids.
	groups   []Group
	gone     map[string]bool
	lastHook int64
}

var _ http.Handler = (*Server)(nil)

// New makes a server. It reads no state file (see Restore) and listens nowhere: serve it with net/http.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	s := &Server{cfg: cfg, lastBase: cfg.BaseURL, groups: copyGroups(cfg.Groups), gone: map[string]bool{}}
	s.Desk = desktest.NewDesk(desktest.DeskConfig{
		StoreConfig: desktest.StoreConfig{
			Projects: cfg.Projects, Accounts: cfg.Accounts, StateFile: cfg.StateFile, Now: cfg.Now, Zone: cfg.Zone,
			Dialect: desktest.Dialect{
				FirstID: 10_000, PersonType: "atlassian", Account: withDefaults, Text: fieldText, Announce: s.announce,
				Set: func(i *issue, f desktest.Field, value json.RawMessage) string {
					return s.set(i, setting{field: f, version: 2, value: value})
				},
			},
		},
		Wire: fakewire.Config{
			JSON: "application/json;charset=UTF-8", Limited: s.addLimitHeaders,
			Refuse: func(status int, message string) *answer {
				return &answer{Status: status, Body: errorBody([]string{message}, nil)}
			},
		},
		Hooks: desktest.HooksConfig{Webhooks: cfg.Webhooks, Repeats: cfg.deliveryRepeats(), Headers: s.deliveryHeaders, Log: cfg.Log},
	})
	s.store = s.Store
	s.SetFaults(cfg.Faults)
	s.routeAPI()
	fakewire.ControlFaults(s.Mux, s.Faults, s.SetFaults)
	return s
}

// api is the way of a call through the stations that the package comment names.
func (s *Server) api(op Operation, version int, run operation) http.HandlerFunc {
	return s.Operation(op, func(w *fakewire.Call) *answer {
		c := &call{r: w.Request, version: version, edition: s.cfg.Edition, body: w.Body, base: s.base(w.Request)}
		s.lastBase = c.base
		s.performed++
		w.Header.Set("X-AREQUESTID", strconv.FormatInt(s.store.Revision(), 10)+"x"+strconv.Itoa(s.performed))
		a := s.perform(c, op, run, w.Header)
		if c.account != nil {
			w.Account = c.account.ID
		}
		return a
	})
}

func (s *Server) perform(c *call, op Operation, run operation, h http.Header) *answer {
	account, refused := s.authenticate(c, op, h)
	if refused != nil {
		return refused
	}
	c.account = account
	if refused := s.limit(c, op, h); refused != nil {
		return refused
	}
	a, err := run(c)
	if err != nil {
		a = answerOf(err)
	}
	s.charge(c, op, a)
	return a
}
