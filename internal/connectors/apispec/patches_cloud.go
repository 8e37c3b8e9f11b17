package apispec

import (
	"maps"

	"github.com/getkin/kin-openapi/openapi3"
)

const (
	cloud3 = "jira-cloud-v3.json"
	cloud2 = "jira-cloud-v2.everit.json"
	desk   = "jsm-cloud-2021.json"
)

// cloudPatches mend Jira Cloud's documents.
func cloudPatches() []Patch {
	return []Patch{
		{
			Name: "cloud: no body at 204", Edition: Cloud, Files: []string{cloud3, cloud2, desk},
			Reason: "answers of status 204 declare JSON content; HTTP allows no body there",
			apply:  noBodyAt204,
		},
		{
			Name: "cloud: what has no type may be null", Edition: Cloud, Files: []string{cloud3, cloud2, desk},
			Reason: "values of fields have no declared type, and OpenAPI 3.0.3 refuses null only beside one; the validator always does",
			apply:  typelessMayBeNull,
		},
		{
			Name: "cloud: times as Jira writes them", Edition: Cloud, Files: []string{cloud3, cloud2},
			Reason: `times declare the format date-time of RFC 3339, and Jira writes offsets without a colon ("-0700"), as the documents' own examples do`,
			apply:  timesAsJiraWritesThem,
		},
		{
			Name: "cloud: nobody can be assigned", Edition: Cloud, Files: []string{cloud3},
			Reason: "PUT assignee declares accountId a text, and its description says that null unassigns",
			apply:  assigneeMayBeNull("/rest/api/3/issue/{issueIdOrKey}/assignee", "accountId"),
		},
		{
			Name: "cloud: nobody can be assigned in version 2", Edition: Cloud, Files: []string{cloud2},
			Reason: "PUT assignee declares accountId a text, and its description says that null unassigns",
			apply:  assigneeMayBeNull("/rest/api/2/issue/{issueIdOrKey}/assignee", "accountId"),
		},
		{
			Name: "cloud: the bulk of histories has times as numbers, and a last page", Edition: Cloud, Files: []string{cloud3, cloud2},
			Reason: "created is declared a text, and the operation's own example has a number; nextPageToken is declared a text, " +
				"and its description says that the last page has null",
			apply: bulkOfHistories,
		},
		{
			Name: "cloud: search results of version 2 have isLast", Edition: Cloud, Files: []string{cloud2},
			Reason: "SearchAndReconcileResults allows no other members and lacks isLast, which version 3 has and both send",
			apply:  searchHasIsLast,
		},
	}
}

func searchHasIsLast(doc *openapi3.T) error {
	s, err := schemaOf(doc, "SearchAndReconcileResults")
	if err != nil {
		return err
	}
	s.Properties["isLast"] = openapi3.NewBoolSchema().NewRef()
	return nil
}

// bulkOfHistories lets created be Jira's time or a number in the answer of POST changelog/bulkfetch alone.
func bulkOfHistories(doc *openapi3.T) error {
	if err := mayBeNull("BulkChangelogResponseBean", "nextPageToken")(doc); err != nil {
		return err
	}
	list, err := propertyOf(doc, "IssueChangeLog", "changeHistories")
	if err != nil {
		return err
	}
	entry, created := *list.Value.Items.Value, openapi3.NewSchema()
	text := openapi3.NewStringSchema()
	text.Pattern = jiraTime
	created.OneOf = openapi3.SchemaRefs{openapi3.NewInt64Schema().NewRef(), text.NewRef()}
	entry.Properties = maps.Clone(entry.Properties)
	entry.Properties["created"] = created.NewRef()
	items := *list.Value
	items.Items = openapi3.NewSchemaRef("", &entry)
	list.Value = &items
	return nil
}
