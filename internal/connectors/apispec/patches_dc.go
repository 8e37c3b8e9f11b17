package apispec

import (
	"errors"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
)

const dataCenter10 = "jira-dc-10.0.json"

// dataCenterPatches mend Data Center's document.
func dataCenterPatches() []Patch {
	patch := func(name, reason string, apply func(*openapi3.T) error) Patch {
		return Patch{Name: "data center: " + name, Edition: DataCenter, Files: []string{dataCenter10}, Reason: reason, apply: apply}
	}
	tighten := func(name, reason string, apply func(*openapi3.T) error) Patch {
		p := patch(name, reason, apply)
		p.Tightens = true
		return p
	}
	return []Patch{
		patch("times as Jira writes them",
			`times declare the format date-time of RFC 3339, and Jira writes offsets without a colon ("-0700")`,
			timesAsJiraWritesThem),
		patch("fields take every value",
			"IssueBean, IssueUpdateBean and the members of their fields are declared objects; the document's own examples have texts, lists and null",
			fieldsTakeEveryValue),
		patch("properties take every value",
			"EntityPropertyBean.value, and the body of PUT property, are declared texts; a property is any JSON",
			propertiesTakeEveryValue),
		patch("a change may have no old or new value",
			"ChangeItemBean declares from, fromString, to and toString texts; Jira writes null where there was or is no value",
			mayBeNull("ChangeItemBean", "from", "fromString", "to", "toString")),
		patch("nobody can be assigned",
			"PUT assignee declares name a text; null unassigns, as in the API's other edition",
			assigneeMayBeNull("/api/2/issue/{issueIdOrKey}/assignee", "name")),
		patch("lists are lists",
			"operations that answer a list declare the list's item",
			listsAreLists),
		patch("remote links are a list, or one",
			"GET remotelink declares one link; without globalId it answers a list",
			remoteLinksAreAListOrOne),
		patch("a search names fields by their names",
			"the parameters expand and fields of GET search are declared objects and lists of objects; they are lists of names",
			searchTakesNames),
		patch("transitions can be expanded",
			`GET transitions lacks the parameter expand, which its own description names ("transitions.fields")`,
			transitionsExpand),
		patch("all users are listed",
			"the document is that of 10.0; since 10.3 and 11.0 there is GET user/list, which tells its end and no total",
			usersAreListed),
		patch("a group is named in the query",
			"GET group/member declares groupname in the path, which has no place for it; POST and DELETE group/user have it in the query",
			groupIsNamedInQuery),
		tighten("pages are pages",
			"the create metadata and the members of a group declare the item of their pages, or an empty object, so that anything passes",
			pagesArePages),
		tighten("requests have no other members",
			"no schema refuses members that it does not have, so that a body made for another edition passes",
			requestsAreClosed),
	}
}

func fieldsTakeEveryValue(doc *openapi3.T) error {
	for _, at := range [][2]string{{"IssueBean", "fields"}, {"IssueBean", "renderedFields"}, {"IssueUpdateBean", "fields"}} {
		ref, err := propertyOf(doc, at[0], at[1])
		if err != nil {
			return err
		}
		ref.Value.AdditionalProperties = openapi3.AdditionalProperties{Schema: anything()}
	}
	return nil
}

func propertiesTakeEveryValue(doc *openapi3.T) error {
	value, err := propertyOf(doc, "EntityPropertyBean", "value")
	if err != nil {
		return err
	}
	value.Value = anything().Value
	put, err := operationOf(doc, http.MethodPut, "/api/2/issue/{issueIdOrKey}/properties/{propertyKey}")
	if err != nil {
		return err
	}
	for _, media := range put.RequestBody.Value.Content {
		media.Schema = anything()
	}
	return nil
}

func listsAreLists(doc *openapi3.T) error {
	for _, path := range []string{
		"/api/2/user/search", "/api/2/user/assignable/search", "/api/2/project", "/api/2/project/{projectIdOrKey}/statuses",
		"/api/2/field", "/api/2/issuetype", "/api/2/priority", "/api/2/status",
	} {
		answer, err := answerOf(doc, http.MethodGet, path, http.StatusOK)
		if err != nil {
			return err
		}
		answer.Schema = arrayOf(answer.Schema)
	}
	return nil
}

func remoteLinksAreAListOrOne(doc *openapi3.T) error {
	answer, err := answerOf(doc, http.MethodGet, "/api/2/issue/{issueIdOrKey}/remotelink", http.StatusOK)
	if err != nil {
		return err
	}
	answer.Schema = openapi3.NewSchemaRef("", &openapi3.Schema{OneOf: openapi3.SchemaRefs{arrayOf(answer.Schema), answer.Schema}})
	return nil
}

func searchTakesNames(doc *openapi3.T) error {
	search, err := operationOf(doc, http.MethodGet, "/api/2/search")
	if err != nil {
		return err
	}
	for _, name := range []string{"expand", "fields"} {
		if p := search.Parameters.GetByInAndName(openapi3.ParameterInQuery, name); p != nil {
			p.Schema = openapi3.NewStringSchema().NewRef()
		}
	}
	return nil
}

func transitionsExpand(doc *openapi3.T) error {
	transitions, err := operationOf(doc, http.MethodGet, "/api/2/issue/{issueIdOrKey}/transitions")
	if err != nil {
		return err
	}
	expand := openapi3.NewQueryParameter("expand").WithSchema(openapi3.NewStringSchema())
	transitions.Parameters = append(transitions.Parameters, &openapi3.ParameterRef{Value: expand})
	return nil
}

// usersAreListed adds GET user/list as the later documents have it.
func usersAreListed(doc *openapi3.T) error {
	users, err := answerOf(doc, http.MethodGet, "/api/2/user", http.StatusOK)
	if err != nil {
		return err
	}
	no := false
	page := openapi3.NewObjectSchema().WithProperty("self", openapi3.NewStringSchema()).WithProperty("maxResults", openapi3.NewInt64Schema()).
		WithProperty("isLast", openapi3.NewBoolSchema()).WithProperty("nextCursor", openapi3.NewStringSchema()).
		WithProperty("nextPage", openapi3.NewStringSchema()).WithPropertyRef("values", arrayOf(users.Schema))
	page.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
	list := openapi3.NewOperation()
	for _, name := range []string{"cursor", "maxResults"} {
		list.AddParameter(openapi3.NewQueryParameter(name).WithSchema(openapi3.NewInt64Schema()))
	}
	list.AddResponse(http.StatusOK, openapi3.NewResponse().WithDescription("a page").WithJSONSchema(page))
	doc.Paths.Set("/api/2/user/list", &openapi3.PathItem{Get: list})
	return nil
}

func groupIsNamedInQuery(doc *openapi3.T) error {
	members, err := operationOf(doc, http.MethodGet, "/api/2/group/member")
	if err != nil {
		return err
	}
	name := members.Parameters.GetByInAndName(openapi3.ParameterInPath, "groupname")
	if name == nil {
		return errors.New("GET group/member has no parameter groupname in the path")
	}
	name.In = openapi3.ParameterInQuery
	return nil
}

func pagesArePages(doc *openapi3.T) error {
	for _, path := range []string{
		"/api/2/issue/createmeta/{projectIdOrKey}/issuetypes",
		"/api/2/issue/createmeta/{projectIdOrKey}/issuetypes/{issueTypeId}", "/api/2/group/member",
	} {
		answer, err := answerOf(doc, http.MethodGet, path, http.StatusOK)
		if err != nil {
			return err
		}
		answer.Schema = pageOf(answer.Schema)
	}
	return nil
}

// requestsAreClosed closes the outermost object of every request body. The schemas themselves stay open, because answers
// have them too.
func requestsAreClosed(doc *openapi3.T) error {
	no := false
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			if operation.RequestBody == nil {
				continue
			}
			for _, media := range operation.RequestBody.Value.Content {
				if media.Schema == nil || media.Schema.Value == nil || len(media.Schema.Value.Properties) == 0 {
					continue
				}
				closed := *media.Schema.Value
				closed.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
				media.Schema = openapi3.NewSchemaRef("", &closed)
			}
		}
	}
	return nil
}
