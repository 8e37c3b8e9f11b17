package strictjson_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"usher/internal/strictjson"
)

// call is what the shape of these tests describes.
type call struct {
	Subject string `json:"subject,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Items   []item `json:"items,omitempty"`
	Extra   any    `json:"extra,omitempty"`
}

type item struct {
	Entitlement string `json:"entitlement,omitempty"`
}

func shape() *strictjson.Shape {
	return &strictjson.Shape{Members: map[string]*strictjson.Shape{
		"subject": nil, "reason": nil, "extra": nil,
		"items": {Elements: &strictjson.Shape{Members: map[string]*strictjson.Shape{"entitlement": nil}}},
	}}
}

func TestCheck_refuses(t *testing.T) {
	const levels = strictjson.MaxDepth
	for name, row := range map[string]struct{ text, pointer, path, problem string }{
		"nothing":                         {``, "", "", "expected a JSON value"},
		"blanks":                          {" \n", "", "", "expected a JSON value"},
		"half a value":                    {`{"subject":"a"`, "", "", "expected a JSON value"},
		"a broken field":                  {`{"subject":tru}`, "/subject", ".subject", "expected a JSON value"},
		"a broken element":                {`{"items":[{},{"entitlement":}]}`, "/items/1/entitlement", ".items[1].entitlement", "expected a JSON value"},
		"a comma too many":                {`{"subject":"a",}`, "", "", "expected a JSON value"},
		"a comma too many in a list":      {`{"items":[{},]}`, "/items/1", ".items[1]", "expected a JSON value"},
		"the wrong bracket":               {`{"items":[}}`, "/items", ".items", "expected a JSON value"},
		"a raw line break":                {"{\"subject\":\"a\nb\"}", "/subject", ".subject", "expected a JSON value"},
		"a byte order mark":               {"\ufeff{}", "", "", "expected a JSON value"},
		"two values":                      {`{} {}`, "", "", "nothing after it; found more from byte"},
		"a letter after the value":        {`{}x`, "", "", "nothing after it"},
		"a NUL after the value":           {"{}\x00", "", "", "nothing after it"},
		"an unknown field":                {`{"colour":1}`, "/colour", ".colour", "expected none but the fields extra, items, reason, subject"},
		"an unknown field of an element":  {`{"items":[{},{"x":1}]}`, "/items/1/x", ".items[1].x", "expected none but the fields entitlement"},
		"a name of other case":            {`{"SUBJECT":"a"}`, "/SUBJECT", ".SUBJECT", `expected "subject" in exactly this spelling`},
		"a name that folds":               {`{"reaſon":"a"}`, "/reaſon", ".reaſon", `expected "reason" in exactly this spelling`},
		"a name to escape":                {`{"a/~b":1}`, "/a~1~0b", ".a/~b", "expected none"},
		"a name that is too long":         {`{"` + strings.Repeat("x", 65) + `":1}`, "", "", "expected none"},
		"a field twice":                   {`{"subject":"a","subject":"b"}`, "/subject", ".subject", "expected the field once"},
		"a field twice by an escape":      {`{"subject":"a","subj\u0065ct":"b"}`, "/subject", ".subject", "expected the field once"},
		"a list twice":                    {`{"items":[{"entitlement":"a"}],"items":[{}]}`, "/items", ".items", "expected the field once"},
		"a field twice where all is free": {`{"extra":{"a":{"b":1,"b":1}}}`, "/extra/a/b", ".extra.a.b", "expected the field once"},
		"no UTF-8":                        {"{\"subject\":\"a\xff\"}", "/subject", ".subject", "expected UTF-8"},
		"no UTF-8 in a name":              {"{\"extra\":{\"\xff\":1}}", "/extra", ".extra", "the name of a field: expected UTF-8"},
		"an overlong form":                {"{\"subject\":\"\xc0\xaf\"}", "/subject", ".subject", "expected UTF-8"},
		"a surrogate as bytes":            {"{\"subject\":\"\xed\xa0\xbd\"}", "/subject", ".subject", "expected UTF-8"},
		"the first half alone":            {`{"subject":"\ud83d"}`, "/subject", ".subject", "half of a surrogate pair"},
		"the second half alone":           {`{"subject":"\udd11x"}`, "/subject", ".subject", "half of a surrogate pair"},
		"the halves in the wrong order":   {`{"subject":"\udd11\ud83d"}`, "/subject", ".subject", "half of a surrogate pair"},
		"two first halves":                {`{"subject":"\ud83d\ud83d\udd11"}`, "/subject", ".subject", "half of a surrogate pair"},
		"half a pair in an element":       {`{"items":[{"entitlement":"\ud83d"}]}`, "/items/0/entitlement", ".items[0].entitlement", "half of a surrogate pair"},
		"a NUL":                           {`{"subject":"a\u0000"}`, "/subject", ".subject", "control characters"},
		"a bell":                          {`{"subject":"a\u0007"}`, "/subject", ".subject", "found U+0007"},
		"a backspace":                     {`{"subject":"a\b"}`, "/subject", ".subject", "found U+0008"},
		"a form feed":                     {`{"subject":"a\f"}`, "/subject", ".subject", "found U+000C"},
		"a carriage return":               {`{"subject":"a\r"}`, "/subject", ".subject", "found U+000D"},
		"a DEL":                           {"{\"subject\":\"a\x7f\"}", "/subject", ".subject", "found U+007F"},
		"a C1 control":                    {"{\"subject\":\"a\u0085\"}", "/subject", ".subject", "found U+0085"},
		"a control in a name":             {`{"extra":{"\u202e":1}}`, "/extra", ".extra", "the name of a field: expected text without"},
		"too many levels":                 {strings.Repeat("[", levels+1) + strings.Repeat("]", levels+1), strings.Repeat("/0", levels), strings.Repeat("[0]", levels), "expected at most 16 levels"},
		"far too many levels":             {strings.Repeat(`{"a":`, 10_000), strings.Repeat("/a", levels), strings.Repeat(".a", levels), "expected at most 16 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			top := shape()
			if strings.HasSuffix(name, "too many levels") {
				top = nil
			}
			var wrong *strictjson.Error
			require.ErrorAs(t, strictjson.Check([]byte(row.text), top), &wrong)
			require.Equal(t, row.pointer, wrong.Pointer)
			require.Equal(t, row.path, wrong.Path)
			require.Contains(t, wrong.Problem, row.problem)
		})
	}
}

func TestCheck_bidirectional(t *testing.T) {
	for _, r := range "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c" {
		for _, text := range []string{fmt.Sprintf(`{"reason":"a%cb"}`, r), fmt.Sprintf(`{"reason":"a\u%04xb"}`, r)} {
			require.ErrorContains(t, strictjson.Check([]byte(text), shape()), fmt.Sprintf("/reason: expected text without control characters and without marks that change the order of reading, found U+%04X", r))
		}
	}
}

func TestCheck_accepts(t *testing.T) {
	for name, text := range map[string]string{
		"nothing asked":         `{}`,
		"blanks around":         " {\r\n\t} ",
		"every field":           `{"subject":"p-1","reason":"a\nb\tc","items":[{"entitlement":"wiki/editor"}, {}],"extra":{"any":[1,true,null]}}`,
		"a name by an escape":   `{"subj\u0065ct":"a"}`,
		"escapes":               `{"subject":"\"\\\/\u00e9"}`,
		"a pair of surrogates":  `{"subject":"\ud83d\udd11"}`,
		"other alphabets":       `{"subject":"Ωשלום日本語🔑"}`,
		"U+FFFD by itself":      `{"subject":"�"}`,
		"a joiner of emoji":     `{"subject":"👩‍🔧"}`,
		"a number of any size":  `{"extra":1e999}`,
		"a value of other type": `{"subject":[{}]}`,
		"a text":                `"a"`,
		"null":                  `null`,
		"the same in two items": `{"items":[{"entitlement":"a"},{"entitlement":"a"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, strictjson.Check([]byte(text), shape()))
		})
	}
	ids := &strictjson.Shape{Elements: &strictjson.Shape{AnyCharacter: true}}
	require.NoError(t, strictjson.Check([]byte(`["a\u0000\u202e"]`), ids))
	require.ErrorContains(t, strictjson.Check([]byte(`["a\ud83d"]`), ids), "/0: expected UTF-8")
	levels := strings.Repeat("[", strictjson.MaxDepth) + strings.Repeat("]", strictjson.MaxDepth)
	require.NoError(t, strictjson.Check([]byte(levels), nil))
}

// FuzzCheck holds that what passes is decoded as it is written: by exact names, and without characters that the decoder made up.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		`{"subject":"a","items":[{"entitlement":"b"}]}`, `{"SUBJECT":"a"}`, `{"reaſon":"a"}`, `{"subject":"a","subject":"b"}`,
		`{"subject":"\ud83d\udd11"}`, `{"subject":"\ud83d"}`, "{\"subject\":\"\xff\"}", `{"extra":{"a":[1,{"b":"\u202e"}]}}`, `{} {}`, `[[[[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := strictjson.Check(text, shape()); err != nil {
			var wrong *strictjson.Error
			require.ErrorAs(t, err, &wrong)
			require.True(t, utf8.ValidString(wrong.Error()))
			return
		}
		require.True(t, json.Valid(text))
		require.True(t, utf8.Valid(text))
		var exact map[string]any
		if json.Unmarshal(text, &exact) != nil {
			return
		}
		var typed call
		if json.Unmarshal(text, &typed) != nil {
			return
		}
		subject, _ := exact["subject"].(string)
		reason, _ := exact["reason"].(string)
		require.Equal(t, subject, typed.Subject)
		require.Equal(t, reason, typed.Reason)
		if !strings.Contains(string(text), "\ufffd") && !strings.Contains(strings.ToLower(string(text)), `\ufffd`) {
			require.NotContains(t, subject+reason, "\ufffd")
		}
		again, err := json.Marshal(exact)
		require.NoError(t, err)
		require.NoError(t, strictjson.Check(again, shape()))
	})
}
