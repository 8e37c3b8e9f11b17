package access

import "context"

// UserID is a desk's immutable id of one of its users. It may differ from the AccountID, by which tickets name the same user.
type UserID string

// The names of the usual fields of a DeskUser. Any other field has the desk's own name.
const (
	UserFieldName        = "user_name"
	UserFieldEmail       = "email"
	UserFieldDisplayName = "display_name"
	// UserFieldManager holds the UserID of another user of the desk.
	UserFieldManager = "manager"
)

// DeskUser is one user of a desk as the desk has it.
type DeskUser struct {
	ID UserID `json:"id"`
	// Account is how tickets name the user.
	Account AccountID `json:"account"`
	// Person is whose user it is, where the desk keeps that in a field of its own; "" where it has none.
	Person PersonID `json:"person,omitempty"`
	// Active is false for a user who was switched off.
	Active bool `json:"active"`
	// Values are the fields of the schema that have a value, by their names.
	Values map[string]string `json:"values,omitempty"`
}

// UserField is one field of the users of a desk.
type UserField struct {
	// Runes is how many characters it holds; 0 where the desk sets no limit.
	Runes int `json:"runes,omitempty"`
	// ReadOnly is true for a field that the desk shows and does not let usher write to a user that is there. OnlyNew is true where it can be
	// written when the user is created, besides.
	ReadOnly bool `json:"read_only,omitempty"`
	OnlyNew  bool `json:"only_new,omitempty"`
	// Required is true for a field without which no user can be created.
	Required bool `json:"required,omitempty"`
	// Clears is true for a field that can become empty.
	Clears bool `json:"clears,omitempty"`
}

// WritesNew reports whether the field can be written when a user is created.
func (f UserField) WritesNew() bool { return !f.ReadOnly || f.OnlyNew }

// UserSchema is what a desk holds of its users, and what it lets usher do.
type UserSchema struct {
	// Fields are the fields that usher can read, by their names: the usual ones, and those that its configuration asks for.
	Fields map[string]UserField `json:"fields"`
	// KeepsPerson is true where the desk keeps DeskUser.Person.
	KeepsPerson bool `json:"keeps_person,omitempty"`
	// Cannot is what cannot be done, by the operation, and why, for people: UserCreate, UserDeactivate, UserReactivate. An operation that it
	// does not have can be done.
	Cannot map[UserOperation]string `json:"cannot,omitempty"`
	// Notes are what usher was asked for and leaves out here, each with why, for people.
	Notes []string `json:"notes,omitempty"`
}

// UserOperation is what can be done to the users of a desk.
type UserOperation string

// The operations.
const (
	UserCreate     UserOperation = "create"
	UserLink       UserOperation = "link"
	UserUpdate     UserOperation = "update"
	UserDeactivate UserOperation = "deactivate"
	UserReactivate UserOperation = "reactivate"
)

// UserQuery asks for the users who have a value. It has exactly one of the three.
type UserQuery struct {
	Person   PersonID `json:"person,omitempty"`
	UserName string   `json:"user_name,omitempty"`
	Email    string   `json:"email,omitempty"`
}

// NewUser is a user who is to be created, active.
type NewUser struct {
	// Person is whose user it is; the desk keeps it where its schema has KeepsPerson.
	Person PersonID          `json:"person"`
	Values map[string]string `json:"values"`
}

// MaxUsersPage is how many users a page of a listing has at most.
const MaxUsersPage = 500

// UserDirectory is the users of a desk. Implementations are safe for concurrent use, never retry and never sleep. No error text
// holds a secret.
type UserDirectory interface {
	// UserSchema returns what the desk holds of its users. Invalid names each key of the configuration that the desk does not have.
	UserSchema(ctx context.Context) (UserSchema, error)
	// ListUsers calls take with all users of the desk, those who are switched off too, page by page, each once, and returns how many there
	// were. It returns only once the desk has shown that nobody is missing. With an error, what take got is no listing. Transient: it was
	// cut short, or changed while it was read. Forbidden: bad credentials, or rights that do not show all. An error of take ends the
	// listing and is returned as it is.
	ListUsers(ctx context.Context, take func([]DeskUser) error) (int, error)
	// ReadUser returns a user as the desk has it now. NotFound: there is none, and the credentials were proved good.
	ReadUser(ctx context.Context, id UserID) (DeskUser, error)
	// FindUsers returns the users who have a value now, without regard to case, those who are switched off too, at most ten; none is no
	// error. Invalid: the desk cannot be asked so.
	FindUsers(ctx context.Context, q UserQuery) ([]DeskUser, error)
	// CreateUser creates a user and returns it as the desk has it then. It is NOT safe to repeat. Conflict: the user name or the address
	// is taken. Unknown: the user may exist, or exists with other values than were asked for, which the error names; the caller must find it
	// before it creates again. Every other kind means that none was created. Invalid names every field that the desk refuses.
	CreateUser(ctx context.Context, n NewUser) (DeskUser, error)
	// UpdateUser writes fields of a user, "" to empty one, and, with a person, whose user it is; it returns the user as the desk has it
	// then. Safe to repeat. NotFound: there is no such user. Conflict: the user name or the address is taken. Invalid names every field
	// that the desk refuses or did not keep.
	UpdateUser(ctx context.Context, id UserID, change UserChange) (DeskUser, error)
	// SetUserActive switches a user on or off and returns the user as the desk has it then. Safe to repeat; already so is success.
	// NotFound: there is no such user. Invalid: the desk does not let usher do so, or did not.
	SetUserActive(ctx context.Context, id UserID, active bool) (DeskUser, error)
}

// UserChange is what is written to a user. Its zero value writes nothing.
type UserChange struct {
	// Person is whose user it is; "" leaves that as it is. A desk whose schema has no KeepsPerson takes no notice of it.
	Person PersonID          `json:"person,omitempty"`
	Values map[string]string `json:"values,omitempty"`
}
