package ldap

import (
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"usher/internal/connectors/people"
)

// guidAttributes hold 16 bytes that people write as a GUID, in lower case here.
var guidAttributes = []string{"objectguid", "ms-ds-consistencyguid", "invocationid"}

func isGUID(attribute string) bool {
	return slices.Contains(guidAttributes, strings.ToLower(attribute))
}

// guidOrder is where the bytes of a GUID stand in its text: the first three groups are little-endian.
var guidOrder = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

// guidText returns the usual text of a GUID; "" for what is none.
func guidText(raw []byte) string {
	if len(raw) != len(guidOrder) {
		return ""
	}
	var ordered [16]byte
	for i, from := range guidOrder {
		ordered[i] = raw[from]
	}
	text := hex.EncodeToString(ordered[:])
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

var guidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// guidBytes returns the bytes of a GUID's text; nil for what is none.
func guidBytes(text string) []byte {
	if !guidForm.MatchString(text) {
		return nil
	}
	ordered, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil {
		return nil
	}
	raw := make([]byte, len(ordered))
	for i, from := range guidOrder {
		raw[from] = ordered[i]
	}
	return raw
}

// equals is the filter for entries that have a value. false: nothing can have it.
func equals(attribute, value string) (string, bool) {
	if !isGUID(attribute) {
		return "(" + attribute + "=" + goldap.EscapeFilter(value) + ")", value != ""
	}
	raw := guidBytes(value)
	var b strings.Builder
	for _, one := range raw {
		fmt.Fprintf(&b, `\%02x`, one)
	}
	return "(" + attribute + "=" + b.String() + ")", raw != nil
}

// record returns the record of an entry, with names of managers as they stand.
func (s *Source) record(e *goldap.Entry) people.Record {
	record := people.Record{Row: "entry " + e.DN, Values: map[string][]string{}}
	for _, a := range e.Attributes {
		record.Values[strings.ToLower(a.Name)] = s.values(a)
	}
	f := s.config.Fields
	if f.DisplayName == attributeDisplay && len(valuesOf(record, attributeDisplay)) == 0 {
		// Several names are usual, and any of them will do.
		if names := valuesOf(record, attributeCommonName); len(names) > 0 {
			record.Values[strings.ToLower(attributeDisplay)] = names[:1]
		}
	}
	if s.control() && len(valuesOf(record, attributeControl)) == 0 {
		// Without a value everybody would be active.
		record.Values[strings.ToLower(attributeControl)] = []string{"not shown"}
	}
	return record
}

// valuesOf returns the values of an attribute in a record.
func valuesOf(record people.Record, attribute string) []string {
	return record.Values[strings.ToLower(attribute)]
}

// control reports whether userAccountControl says who is active.
func (s *Source) control() bool {
	f := s.config.Fields
	return strings.EqualFold(f.Active, attributeControl) && len(f.ActiveValues)+len(f.InactiveValues) == 0
}

// values returns the values of an attribute as a reader takes them.
func (s *Source) values(a *goldap.EntryAttribute) []string {
	f := s.config.Fields
	out := make([]string, 0, len(a.Values))
	for i, value := range a.Values {
		switch {
		case isGUID(a.Name):
			value = guidText(a.ByteValues[i])
		case s.control() && strings.EqualFold(a.Name, attributeControl):
			value = controlText(value)
		case strings.EqualFold(a.Name, attributeExpires):
			value = s.expiry(value)
		case strings.EqualFold(a.Name, f.Starts), strings.EqualFold(a.Name, f.Ends):
			value = s.day(value)
		}
		out = append(out, value)
	}
	return out
}

// disabledFlag is ADS_UF_ACCOUNTDISABLE.
const disabledFlag = 2

// controlText returns what a userAccountControl means, in words of people.Reader.
func controlText(value string) string {
	flags, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil:
		return "no number"
	case flags&disabledFlag != 0:
		return "disabled"
	}
	return "enabled"
}

// What accountExpires says of accounts that never expire.
const (
	neverExpires     = "0"
	neverExpiresEver = "9223372036854775807"
)

// ticksAtEpoch are the 100 nanoseconds from 1601 to 1970.
const ticksAtEpoch = 116_444_736_000_000_000

// expiry returns the last day before an account expires, in the form of date_format. "" for never.
func (s *Source) expiry(value string) string {
	if value == neverExpires || value == neverExpiresEver {
		return ""
	}
	ticks, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return value
	}
	// An account expires at the first moment of the day after its last one.
	ticks = ticks - 1 - ticksAtEpoch
	const perSecond = 10_000_000
	return s.written(time.Unix(ticks/perSecond, ticks%perSecond*100).In(s.zone))
}

var generalizedTime = regexp.MustCompile(`^(\d{8})\d{2}(\d{2}){0,2}([.,]\d+)?(Z|[+-]\d{2}(\d{2})?)$`)

// day returns the day of a generalized time in the form of date_format; anything else as it is.
func (s *Source) day(value string) string {
	parts := generalizedTime.FindStringSubmatch(value)
	if parts == nil {
		return value
	}
	day, err := time.Parse("20060102", parts[1])
	if err != nil {
		return value
	}
	return s.written(day)
}

// written returns a day in the form of date_format.
func (s *Source) written(day time.Time) string {
	format := s.config.Fields.DateFormat
	if format == "" {
		return day.Format(time.DateOnly)
	}
	return strings.NewReplacer("YYYY", day.Format("2006"), "MM", day.Format("01"), "DD", day.Format("02")).Replace(format)
}

// asked are the attributes of a whole record.
func (s *Source) asked() []string {
	names := s.config.Fields.Names()
	if s.config.Fields.DisplayName == attributeDisplay {
		names = append(names, attributeCommonName)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rangeForm is how Active Directory names an attribute of which it gives a part of the values: "memberOf;range=0-1499".
var rangeForm = regexp.MustCompile(`(?i)^(.+);range=(\d+)-(\d+|\*)$`)

// maxRanges bounds how many parts an attribute has.
const maxRanges = 1000

// complete reads the rest of the values of which the server gave a part.
func (c *conn) complete(ctx context.Context, e *goldap.Entry) error {
	for _, a := range e.Attributes {
		parts := rangeForm.FindStringSubmatch(a.Name)
		if parts == nil {
			continue
		}
		if err := c.rest(ctx, e.DN, a, parts); err != nil {
			return err
		}
	}
	return nil
}

// rest reads the parts of an attribute after the first one.
func (c *conn) rest(ctx context.Context, dn string, a *goldap.EntryAttribute, parts []string) error {
	a.Name = parts[1]
	for range maxRanges {
		if parts[3] == "*" {
			return nil
		}
		last, err := strconv.ParseInt(parts[3], 10, 64)
		if err != nil {
			break
		}
		next, err := c.entry(ctx, dn, everything, fmt.Sprintf("%s;range=%d-*", parts[1], last+1))
		if err != nil {
			return err
		}
		from := strconv.FormatInt(last+1, 10)
		more := partFrom(next, parts[1], from)
		if more == nil {
			return changed(c.op, "the rest of the values of %s is not there", parts[1])
		}
		a.Values = append(a.Values, more.Values...)
		a.ByteValues = append(a.ByteValues, more.ByteValues...)
		parts = rangeForm.FindStringSubmatch(more.Name)
	}
	return changed(c.op, "the values of %s have no end", parts[1])
}

// partFrom returns the part of an attribute that begins at a number; nil where it is not there.
func partFrom(e *goldap.Entry, attribute, from string) *goldap.EntryAttribute {
	if e == nil {
		return nil
	}
	for _, a := range e.Attributes {
		parts := rangeForm.FindStringSubmatch(a.Name)
		if parts != nil && strings.EqualFold(parts[1], attribute) && parts[2] == from {
			return a
		}
	}
	return nil
}
