#!/bin/sh
# Makes the namespace and the search attributes that usher writes; safe to repeat.
set -eu

# A server that has just started, or a namespace that is new, is not known everywhere for some seconds.
until_it_works() {
  tries=60
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { "$@"; exit 1; }
    sleep 1
  done
}

until_it_works temporal operator cluster health
temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 168h
until_it_works temporal operator search-attribute list --namespace default

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
