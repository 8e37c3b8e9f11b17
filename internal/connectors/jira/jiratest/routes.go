package jiratest

import (
	"net/http"
	"strings"
)

// operation is one API call: it runs under the lock and answers, or refuses.
type operation func(*call) (*answer, error)

// handler registers an operation under a method and a path below the API's root.
type handler func(pattern string, op Operation, run operation)

// routeAPI serves what the edition has.
func (s *Server) routeAPI() {
	roots := map[string]int{"/rest/api/2/": 2, "/rest/api/latest/": 2}
	if s.cfg.Edition == Cloud {
		roots["/rest/api/3/"] = 3
	}
	for root, version := range roots {
		handle := s.handler(root, version)
		s.routeMeta(handle)
		s.routeIssues(handle)
		if s.cfg.Edition == Cloud {
			s.routeCloud(handle)
		} else {
			s.routeDataCenter(handle)
		}
	}
	s.routeHooks()
	s.Mux.HandleFunc("/rest/", s.api(OpOther, 2, s.noSuchResource))
	if s.cfg.Edition == Cloud {
		s.Mux.HandleFunc("GET /_edge/tenant_info", s.api(OpTenantInfo, 3, s.tenantInfo))
	}
}

func (s *Server) handler(root string, version int) handler {
	return func(pattern string, op Operation, run operation) {
		method, path, _ := strings.Cut(pattern, " ")
		s.Mux.HandleFunc(method+" "+root+path, s.api(op, version, run))
	}
}

func (s *Server) noSuchResource(c *call) (*answer, error) {
	if s.cfg.Edition == Cloud {
		return nil, refuse(http.StatusNotFound, "null for uri: no such resource")
	}
	return gatewayError(http.StatusNotFound, "null for uri: "+c.base+c.r.URL.Path)
}

func (s *Server) tenantInfo(*call) (*answer, error) {
	return ok(map[string]any{"cloudId": s.cfg.CloudID})
}

func (s *Server) routeMeta(handle handler) {
	handle("GET serverInfo", OpServerInfo, s.serverInfo)
	handle("GET myself", OpMyself, s.myself)
	handle("GET mypermissions", OpMyPermissions, s.myPermissions)
	handle("GET project/{key}", OpGetProject, s.getProject)
	handle("GET project/{key}/statuses", OpProjectStatuses, s.projectStatuses)
	handle("GET issue/createmeta/{key}/issuetypes", OpCreateMetaTypes, s.createMetaTypes)
	handle("GET issue/createmeta/{key}/issuetypes/{type}", OpCreateMetaFields, s.createMetaFields)
	handle("GET user", OpGetUser, s.getUser)
	handle("GET user/search", OpFindUsers, s.findUsers)
	handle("GET user/assignable/search", OpFindAssignable, s.findAssignable)
	handle("GET group/member", OpGroupMembers, s.groupMembers)
	handle("POST group/user", OpJoinGroup, s.joinGroup)
	handle("DELETE group/user", OpLeaveGroup, s.leaveGroup)
}

func (s *Server) routeIssues(handle handler) {
	handle("POST issue", OpCreateIssue, s.createIssue)
	handle("GET issue/{key}", OpGetIssue, onIssue(s.visible, s.getIssue))
	handle("PUT issue/{key}", OpEditIssue, onIssue(s.changeable, s.editIssue))
	handle("DELETE issue/{key}", OpDeleteIssue, onIssue(s.changeable, s.deleteIssue))
	handle("GET issue/{key}/transitions", OpGetTransitions, onIssue(s.visible, s.getTransitions))
	handle("POST issue/{key}/transitions", OpTransition, onIssue(s.visible, s.transition))
	handle("GET issue/{key}/comment", OpGetComments, onIssue(s.visible, s.getComments))
	handle("POST issue/{key}/comment", OpAddComment, onIssue(s.changeable, s.addComment))
	handle("PUT issue/{key}/comment/{id}", OpEditComment, onIssue(s.changeable, s.editComment))
	handle("PUT issue/{key}/assignee", OpAssign, onIssue(s.changeable, s.assign))
	handle("GET issue/{key}/{part}/{property}", OpGetProperty, onIssue(s.visible, s.getProperty))
	handle("PUT issue/{key}/properties/{property}", OpPutProperty, onIssue(s.changeable, s.putProperty))
}

// routeCloud serves what only Cloud has.
func (s *Server) routeCloud(handle handler) {
	handle("GET search/jql", OpSearch, s.search)
	handle("POST search/jql", OpSearch, s.search)
	handle("GET search", OpRemovedSearch, s.removedSearch)
	handle("POST search", OpRemovedSearch, s.removedSearch)
	handle("POST issue/bulkfetch", OpBulkFetch, s.bulkFetch)
	handle("POST changelog/bulkfetch", OpBulkChangelog, s.bulkChangelog)
	handle("GET issue/{key}/changelog", OpGetChangelog, onIssue(s.visible, s.getChangelog))
	handle("GET users/search", OpListUsers, s.listUsers)
	handle("POST user", OpCreateUser, s.inviteUser)
	handle("GET user/groups", OpUserGroups, s.userGroups)
	handle("GET group/bulk", OpFindGroups, s.bulkGroups)
}

// routeDataCenter serves what only Data Center has.
func (s *Server) routeDataCenter(handle handler) {
	handle("GET search", OpSearch, s.classicSearch)
	handle("POST search", OpSearch, s.classicSearch)
	handle("POST user", OpCreateUser, s.createUser)
	handle("PUT user", OpEditUser, s.editUser)
	handle("GET groups/picker", OpFindGroups, s.pickGroups)
	if s.cfg.streamsUsers() {
		handle("GET user/list", OpListUsers, s.streamUsers)
	}
}
