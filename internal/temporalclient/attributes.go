package temporalclient

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"

	"usher/internal/access"
)

const (
	opCheck  = "check search attributes"
	opCreate = "create search attributes"
)

// CheckSearchAttributes compares a namespace's custom search attributes with those that are wanted, by name. It changes
// nothing.
//
// nil: all are there. Invalid: some are missing, and the text holds, one a line, the commands of Temporal's CLI that
// create them; or some have another type, and the text says which. Forbidden: the credentials may not ask. NotFound:
// there is no such namespace. Else Transient or RateLimited.
func CheckSearchAttributes(ctx context.Context, c client.Client, namespace string, want map[string]enumspb.IndexedValueType) error {
	missing, err := missingAttributes(ctx, c, namespace, want)
	if err != nil || len(missing) == 0 {
		return err
	}
	commands := make([]string, len(missing))
	for i, name := range missing {
		commands[i] = fmt.Sprintf("  temporal operator search-attribute create --namespace %s --name %s --type %s", namespace, name, want[name])
	}
	return access.Errorf(access.Invalid, opCheck, "the namespace %s lacks %d search attributes; create them with\n%s\n",
		namespace, len(missing), strings.Join(commands, "\n"))
}

// CreateSearchAttributes adds those of the wanted search attributes that the namespace lacks. It is safe to repeat and
// to run beside itself. A server may take some seconds until it accepts workflows with an attribute that is new. The
// errors are those of CheckSearchAttributes; an attribute of another type is left as it is, and then none is added.
func CreateSearchAttributes(ctx context.Context, c client.Client, namespace string, want map[string]enumspb.IndexedValueType) error {
	missing, err := missingAttributes(ctx, c, namespace, want)
	if err != nil || len(missing) == 0 {
		return err
	}
	add := make(map[string]enumspb.IndexedValueType, len(missing))
	for _, name := range missing {
		add[name] = want[name]
	}
	_, err = c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: namespace, SearchAttributes: add,
	})
	if err != nil && serviceerror.ToStatus(err).Code() != codes.AlreadyExists {
		return classify(opCreate, err)
	}
	return nil
}

// missingAttributes returns, in order, the names that the namespace lacks.
func missingAttributes(ctx context.Context, c client.Client, namespace string, want map[string]enumspb.IndexedValueType) ([]string, error) {
	have, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return nil, classify(opCheck, err)
	}
	var missing, wrong []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		got, ok := have.GetCustomAttributes()[name]
		switch {
		case !ok:
			missing = append(missing, name)
		case got != want[name]:
			wrong = append(wrong, fmt.Sprintf("%s is %s, expected %s", name, got, want[name]))
		}
	}
	if len(wrong) > 0 {
		return nil, access.Errorf(access.Invalid, opCheck, "the namespace %s has search attributes of another type: %s",
			namespace, strings.Join(wrong, "; "))
	}
	return missing, nil
}

// CheckNamespace asks whether the namespace is there and answers, and changes nothing. The errors are those of
// CheckSearchAttributes. It is for a program that writes no search attributes, and whose credentials may not ask for them.
func CheckNamespace(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	if err != nil {
		return classify("check the namespace", err)
	}
	return nil
}

// classify returns the kind of an answer of Temporal's.
func classify(op string, err error) error {
	kind := access.Transient
	switch serviceerror.ToStatus(err).Code() {
	case codes.PermissionDenied, codes.Unauthenticated:
		kind = access.Forbidden
	case codes.ResourceExhausted:
		kind = access.RateLimited
	case codes.NotFound:
		kind = access.NotFound
	case codes.InvalidArgument, codes.Unimplemented:
		kind = access.Invalid
	default:
	}
	return access.Errorf(kind, op, "%w", err)
}
