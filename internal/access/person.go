package access

// Person is one human's record in the authoritative identity source.
type Person struct {
	// ID is the source's stable opaque id.
	ID PersonID `json:"id"`
	// UserName is the login name; unique in the source, but it may change.
	UserName string `json:"user_name,omitempty"`
	// DisplayName is what people read; "" if the source has none.
	DisplayName string `json:"display_name,omitempty"`
	// Email is "" if the source has none.
	Email string `json:"email,omitempty"`
	// Manager is "" if the source names none.
	Manager PersonID `json:"manager,omitempty"`
	// Active is false for a person who left or is suspended.
	Active bool `json:"active"`
}

// Name is the display name, or the id where there is none.
func (p Person) Name() string {
	if p.DisplayName != "" {
		return p.DisplayName
	}
	return string(p.ID)
}

// Account is a person's account in a desk. ID is "" when the desk knows no account for the person.
type Account struct {
	Person PersonID  `json:"person"`
	ID     AccountID `json:"id,omitempty"`
	// How is how the account was matched: "map" (configured) or "search" (by e-mail or user name); "" when there is none.
	How string `json:"how,omitempty"`
}
