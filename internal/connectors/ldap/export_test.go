package ldap

// What the tests of the package look at from outside.
var (
	GUIDText  = guidText
	GUIDBytes = guidBytes
	NameKey   = nameKey
)

// Day returns what a source makes of the value of a day.
func (s *Source) Day(value string) string { return s.day(value) }
