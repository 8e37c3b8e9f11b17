package apispec

import (
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
)

// The documents of ServiceNow that the community keeps.
const (
	tableAPI   = "servicenow-table-records-api-openapi.yml"
	importAPI  = "servicenow-import-sets-api-openapi.yml"
	catalogAPI = "servicenow-catalog-items-api-openapi.yml"
	cartAPI    = "servicenow-cart-api-openapi.yml"
)

// serviceNowPatches mend the community's documents of ServiceNow.
func serviceNowPatches() []Patch {
	return []Patch{
		{
			Name: "servicenow: all values of a record are texts", Edition: ServiceNow, Files: []string{tableAPI},
			Reason: `Record declares sys_mod_count a number and times of the form date-time; the Table API writes "0" and "2026-06-01 09:00:00"`,
			apply: func(doc *openapi3.T) error {
				record, err := schemaOf(doc, "Record")
				if err != nil {
					return err
				}
				for name := range record.Properties {
					record.Properties[name] = openapi3.NewStringSchema().NewRef()
				}
				return nil
			},
		},
		{
			Name: "servicenow: a list of a table that does not exist", Edition: ServiceNow, Files: []string{tableAPI},
			Reason: "GET table declares no 400, which a wrong table gets",
			apply: func(doc *openapi3.T) error {
				list, err := operationOf(doc, http.MethodGet, "/table/{tableName}")
				if err != nil {
					return err
				}
				list.Responses.Set("400", list.Responses.Value("403"))
				return nil
			},
		},
		{
			Name: "servicenow: a row that was skipped, or waits", Edition: ServiceNow, Files: []string{importAPI},
			Reason: "ImportSetResult knows no status skipped, which ServiceNow's pages name, and none of a row that an asynchronous import set keeps for later",
			apply: func(doc *openapi3.T) error {
				result, err := schemaOf(doc, "ImportSetResult")
				if err != nil {
					return err
				}
				status := result.Properties["status"].Value
				status.Enum = append(status.Enum, "skipped", "pending")
				return nil
			},
		},
	}
}
