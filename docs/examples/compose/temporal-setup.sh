#!/bin/sh
# Makes the namespace and the search attributes that usher writes; safe to repeat.
set -eu

tries=60
until temporal operator cluster health >/dev/null 2>&1; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || { echo "Temporal at $TEMPORAL_ADDRESS is not healthy" >&2; exit 1; }
  sleep 1
done

temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 168h

have="$(temporal operator search-attribute list --namespace default)"
while read -r name type; do
  case "$have" in
    *"$name "*) ;;
    *) temporal operator search-attribute create --namespace default --name "$name" --type "$type" ;;
  esac
done <<'ATTRIBUTES'
UsherState Keyword
UsherSince Datetime
UsherTicket Keyword
UsherRequester Keyword
UsherSubject Keyword
UsherWaitingOn KeywordList
ATTRIBUTES
