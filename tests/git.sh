# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh disable=SC2034
# Git repositories for tests, behind a web server: . "$(dirname "$TEST_LIB")/git.sh", after registry.sh

# make_repositories: www/git/x.git in the working directory, with the tag v1 (commit $one) and the branches main
# and other ($two, with a submodule); sets web (host:port), log, url and private of it. in_repo: git there.
in_repo() { git -C www/git/x.git "$@"; }
said() { tr -d '\0' <"$log"; }
make_repositories() {
  unset http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY
  export GIT_CONFIG_GLOBAL="$PWD/gitconfig" GIT_AUTHOR_DATE='2001-02-03T04:05:06Z' GIT_COMMITTER_DATE='2001-02-03T04:05:06Z'
  printf '[user]\nname=t\nemail=t@t\n[init]\ndefaultBranch=main\n[protocol "file"]\nallow=always\n' >gitconfig
  mkdir -p www/git
  repo=$PWD/www/git/x.git
  git init -q www/git/sub.git
  echo sub >www/git/sub.git/file
  git -C www/git/sub.git add file
  git -C www/git/sub.git commit -qm sub
  git init -q "$repo"
  mkdir -p "$repo/dir/deep"
  echo one >"$repo/file"
  printf '#!/bin/sh\necho runs\n' >"$repo/program"
  chmod +x "$repo/program"
  ln -s file "$repo/link"
  echo below >"$repo/dir/deep/file"
  printf 'eol\n' >"$repo/text"
  # More than git unpacks.
  for i in $(seq 150); do echo "$i" >"$repo/dir/$i"; done
  printf 'text eol=crlf\ndir export-ignore\n' >"$repo/.gitattributes"
  in_repo add . 2>/dev/null
  in_repo commit -qm one
  in_repo tag -am one v1
  one=$(in_repo rev-parse HEAD)
  in_repo submodule -q add ../sub.git module
  echo two >"$repo/file"
  in_repo add . 2>/dev/null
  in_repo commit -qm two
  two=$(in_repo rev-parse HEAD)
  in_repo branch other
  start_tool web www
  web=$TOOL log=$TOOL_LOG
  url=http://$web/git/x.git
  private=http://$web/private/git/x.git
}
