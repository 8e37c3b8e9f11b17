package servicenowtest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"usher/internal/connectors/desktest"
	"usher/internal/connectors/fakewire"
)

// The operations, for counters, holds and faults.
const (
	OpList   fakewire.Operation = "list"
	OpRead   fakewire.Operation = "read"
	OpInsert fakewire.Operation = "insert"
	OpUpdate fakewire.Operation = "update"
	OpDelete fakewire.Operation = "delete"
	OpItem   fakewire.Operation = "catalog item"
	OpOrder  fakewire.Operation = "order"
	OpToken  fakewire.Operation = "token"
	OpImport fakewire.Operation = "import"
)

// The account, the application and the catalog item that exist when Config names none. They are no secrets: they open nothing but
// a fake.
const (
	DefaultUser         = "usher.bot"
	DefaultToken        = "sim-token"
	DefaultClientID     = "usher-app"
	DefaultClientSecret = "sim-secret"
	DefaultRefreshToken = "sim-refresh"
)

// Config is what a Server starts with; every field works as its zero value.
type Config struct {
	// Accounts are the people and integrations; the default account when empty. Name is the user name, Password is for basic
	// authentication and Token is an API key.
	Accounts []desktest.Account
	// Tables are DefaultTables() when empty.
	Tables []desktest.Project
	// Variables are those of the catalog item, by name; DefaultVariables() when nil.
	Variables []Variable
	// ClosingFields are, by table, mandatory in a record that is closed; close_code and close_notes of incidents when nil.
	ClosingFields map[string][]string
	// Tasks is how many tasks a requested item has, 1 when 0; a negative number is none. NoFlow leaves it to people to close the
	// item.
	Tasks  int
	NoFlow bool
	// StateFile keeps the tickets over a restart; "" keeps them in memory only.
	StateFile string
	// PageLimit caps every page of a list; 0 is ServiceNow's limit.
	PageLimit int
}

// Variable is a variable of the catalog item.
type Variable struct {
	Name      string `json:"name"`
	Label     string `json:"label"`
	Mandatory bool   `json:"mandatory"`
}

// DefaultVariables are those of the catalog item when Config names none.
func DefaultVariables() []Variable {
	return []Variable{
		{Name: "usher_marker", Label: "Reference"},
		{Name: "request_id", Label: "Request id"},
		{Name: "reason", Label: "Reason"},
		{Name: "role", Label: "Role"},
	}
}

// Server is the fake. It is an http.Handler, safe for concurrent use. Close it when it is no longer needed.
type Server struct {
	*desktest.Desk
	cfg    Config
	store  *desktest.Store
	system *desktest.Account

	// faults are those that not every fake has, tokens the OAuth tokens that were given, and profiles the columns of accounts, by their ids, that the
	// store has no place for; the desk's lock guards all of them.
	faults   Faults
	tokens   map[string]bool
	profiles map[string]map[string]string
	// groups and members are the rows of sys_user_group and sys_user_grmember; made counts the members that there ever were.
	groups  []record
	members []record
	made    int
	// imports are the import sets, by their staging tables.
	imports map[string]ImportSet
	// byID are the places of the accounts in the order of their ids; see accountsByID.
	byID []int
}

var _ http.Handler = (*Server)(nil)

// New makes a server. It reads no state file (see Restore) and listens nowhere: serve it with net/http.
func New(cfg Config) *Server {
	if len(cfg.Accounts) == 0 {
		cfg.Accounts = []desktest.Account{DefaultAccount()}
	}
	if len(cfg.Tables) == 0 {
		cfg.Tables = DefaultTables()
	}
	if cfg.Variables == nil {
		cfg.Variables = DefaultVariables()
	}
	if cfg.ClosingFields == nil {
		cfg.ClosingFields = map[string][]string{"incident": {"close_code", "close_notes"}}
	}
	cfg.Tables = slices.Clone(cfg.Tables)
	for n, table := range cfg.Tables {
		cfg.Tables[n].Fields = slices.Clone(table.Fields)
		for _, v := range cfg.Variables {
			cfg.Tables[n].Fields = append(cfg.Tables[n].Fields, desktest.Field{ID: variablePrefix + v.Name, Name: v.Label, Type: desktest.TextField})
		}
	}
	system := desktest.Account{ID: AccountID(systemName), Name: systemName, DisplayName: "System", AccountType: "system"}
	former := desktest.Account{ID: AccountID(FormerUser), Name: FormerUser, DisplayName: "Former Colleague", Inactive: true}
	s := &Server{cfg: cfg, tokens: map[string]bool{}, profiles: map[string]map[string]string{}, imports: map[string]ImportSet{}}
	s.Desk = desktest.NewDesk(desktest.DeskConfig{
		StoreConfig: desktest.StoreConfig{
			Projects: cfg.Tables, Accounts: append(slices.Clone(cfg.Accounts), system, former), StateFile: cfg.StateFile, Grain: time.Second,
			Dialect: desktest.Dialect{
				Noun: "record", FirstID: 10_000, PersonType: "person", ID: idOf,
				Key:      func(p *desktest.Project, n int) string { return fmt.Sprintf("%s%07d", p.ID, n) },
				Announce: s.flow,
			},
		},
		Wire: fakewire.Config{
			JSON: "application/json;charset=UTF-8", Refuse: func(status int, message string) *fakewire.Answer { return refuse(status, message, "") },
		},
		Hooks: desktest.HooksConfig{Headers: func(http.Header, desktest.Post) {}},
	})
	s.store, s.system = s.Store, s.Store.Account(systemName)
	s.routes()
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.Mux.ServeHTTP(w, r) }

// FormerUser is the user name of somebody who is switched off, as every real instance has some.
const FormerUser = "former.colleague"

// systemName is the account as which flows act.
const systemName = "system"

// DefaultAccount is the integration account.
func DefaultAccount() desktest.Account {
	return desktest.Account{
		ID: AccountID(DefaultUser), Name: DefaultUser, Email: "usher-bot@example.test", DisplayName: "usher", Token: DefaultToken,
	}
}

// AccountID returns the sys_id that the account of a user name has in this fake.
func AccountID(userName string) string { return hash("user " + userName) }

// ItemID is the sys_id of the catalog item that usher orders.
func ItemID() string { return hash("item") }

// AskItemID is the sys_id of the catalog item by which people ask for access.
func AskItemID() string { return hash("item to ask by") }

// idOf is the sys_id that belongs to a number: its order says nothing.
func idOf(number int64) string { return hash(fmt.Sprint(number)) }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// DefaultTables are incident, those of the catalog, two that extend them, and that of approvals. Incidents and requested items have two
// states of the customer's own, for decisions.
func DefaultTables() []desktest.Project {
	state := func(id, name string, c desktest.Category) desktest.Status {
		return desktest.Status{ID: id, Name: name, Category: c}
	}
	const open, work, done = desktest.CategoryNew, desktest.CategoryIndeterminate, desktest.CategoryDone
	own := []desktest.Status{state("10", "Approved", work), state("11", "Denied", work)}
	tasks := []desktest.Status{
		state("1", "Open", open), state("2", "Work in Progress", work), state("3", "Closed Complete", done),
		state("4", "Closed Incomplete", done), state("7", "Closed Skipped", done),
	}
	incident := table("incident", "INC", "Incident", append([]desktest.Status{
		state("1", "New", open), state("2", "In Progress", work), state("3", "On Hold", work), state("6", "Resolved", done),
		state("7", "Closed", done), state("8", "Canceled", done),
	}, own...)...)
	item := table("sc_req_item", "RITM", "Requested item", slices.Concat(tasks, own)...)
	return []desktest.Project{
		incident, item, table("sc_task", "SCTASK", "Catalog task", tasks...), table("sc_request", "REQ", "Request", tasks...),
		extended(incident, "u_access_incident", "ACC"), extended(item, "u_access_item", "ACI"), approvals(),
	}
}

// extended is a table that extends another.
func extended(p desktest.Project, name, prefix string) desktest.Project {
	p.Key, p.ID, p.Name = name, prefix, p.Name+" for access"
	return p
}

// table is a table whose states can all be set at any time. Its id is what its numbers begin with.
func table(name, prefix, label string, states ...desktest.Status) desktest.Project {
	p := desktest.Project{ID: prefix, Key: name, Name: label, Workflow: desktest.Workflow{Statuses: states}}
	for _, to := range states {
		way := desktest.Transition{ID: to.ID, Name: "set " + to.Name, To: to.Name}
		if to.Name == "Resolved" || to.Name == "Closed" {
			way.Screen = []desktest.ScreenField{{ID: "close_code", Required: true}, {ID: "close_notes", Required: true}}
		}
		p.Transitions = append(p.Transitions, way)
	}
	for _, id := range []string{
		"summary", "description", "correlation_id", "correlation_display", "close_code", "close_notes", "stage", "approval", "active", "request",
		"cat_item", "category", "contact_type", "cost_center", "u_request_id", "u_reason", "u_role",
	} {
		p.Fields = append(p.Fields, desktest.Field{ID: id, Name: id, Type: desktest.TextField})
	}
	return p
}

func (s *Server) routes() {
	s.Mux.HandleFunc("GET /api/now/table/{table}", s.api(OpList, s.list))
	s.Mux.HandleFunc("GET /api/now/table/{table}/{id}", s.api(OpRead, s.read))
	s.Mux.HandleFunc("POST /api/now/table/{table}", s.api(OpInsert, s.insert))
	s.Mux.HandleFunc("PATCH /api/now/table/{table}/{id}", s.api(OpUpdate, s.update))
	s.Mux.HandleFunc("DELETE /api/now/table/{table}/{id}", s.api(OpDelete, s.erase))
	s.Mux.HandleFunc("POST /api/now/import/{table}", s.api(OpImport, s.importRow))
	s.Mux.HandleFunc("GET /api/sn_sc/servicecatalog/items/{id}", s.api(OpItem, s.item))
	s.Mux.HandleFunc("POST /api/sn_sc/servicecatalog/items/{id}/order_now", s.api(OpOrder, s.order))
	s.Mux.HandleFunc("POST /oauth_token.do", s.Operation(OpToken, s.token))
	fakewire.ControlFaults(s.Mux, s.Faults, s.SetFaults)
}

// call is one call, as an operation sees it.
type call struct {
	*fakewire.Call
	account *desktest.Account
}

func (c *call) param(name string) string { return c.URL.Query().Get(name) }

// api is the way of a call of somebody who is logged in.
func (s *Server) api(op fakewire.Operation, run func(*call) *fakewire.Answer) http.HandlerFunc {
	return s.Operation(op, func(w *fakewire.Call) *fakewire.Answer {
		if s.faults.Hibernating {
			a := fakewire.Page(http.StatusOK, "<html><head><title>Instance Hibernating page</title></head><body>Your instance is hibernating</body></html>")
			a.Set(fakewire.FaultHeader, "hibernating")
			return a
		}
		account := s.authenticate(w.Request)
		if account == nil {
			return refuse(http.StatusUnauthorized, "User Not Authenticated", "Required to provide Auth information")
		}
		w.Account = account.ID
		return run(&call{Call: w, account: account})
	})
}

// authenticate names the calling account; nil for none.
func (s *Server) authenticate(r *http.Request) *desktest.Account {
	var a *desktest.Account
	if key := r.Header.Get("X-Sn-Apikey"); key != "" {
		a = s.store.HolderOf(key)
	} else if token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); bearer && s.tokens[token] {
		a = &s.store.Accounts()[0]
	} else if name, password, basic := r.BasicAuth(); basic {
		if a = s.store.AccountBy(desktest.ByName, name); a != nil && (a.Password == "" || a.Password != password) {
			a = nil
		}
	}
	if a == nil || s.store.Inactive(a) || s.faults.RefuseCredentials {
		return nil
	}
	return a
}

// token answers the application's credentials with a token, which acts as the first account.
func (s *Server) token(c *fakewire.Call) *fakewire.Answer {
	form, err := url.ParseQuery(string(c.Body))
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, password, basic := c.BasicAuth(); basic {
		id, secret = user, password
	}
	granted := form.Get("grant_type") == "client_credentials" ||
		(form.Get("grant_type") == "refresh_token" && form.Get("refresh_token") == DefaultRefreshToken)
	if err != nil || !granted || id != DefaultClientID || secret != DefaultClientSecret || s.faults.RefuseCredentials {
		return &fakewire.Answer{Status: http.StatusUnauthorized, Body: map[string]string{
			"error": "server_error", "error_description": "access_denied",
		}}
	}
	token := hash(fmt.Sprint("token ", len(s.tokens)))
	s.tokens[token] = true
	return &fakewire.Answer{Status: http.StatusOK, Body: map[string]any{
		"access_token": token, "refresh_token": DefaultRefreshToken, "scope": "useraccount", "token_type": "Bearer", "expires_in": 1799,
	}}
}

func ok(status int, result any) *fakewire.Answer {
	return &fakewire.Answer{Status: status, Body: map[string]any{"result": result}}
}

func refuse(status int, message, detail string) *fakewire.Answer {
	return &fakewire.Answer{Status: status, Body: map[string]any{
		"error": map[string]string{"message": message, "detail": cmp.Or(detail, message)}, "status": "failure",
	}}
}

func noRecord() *fakewire.Answer {
	return refuse(http.StatusNotFound, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
}
