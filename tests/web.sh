# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash source=tests/lib.sh
# Web servers for tests of builds: . "$(dirname "$TEST_LIB")/web.sh", in scripts with "# network: outside".

web_servers=()
web_proxies=()
# start_web PORT [CERTIFICATE KEY]: tests/tools/web-server, with TLS if it has a certificate; sets base, its address.
# What it is asked for is in server.log.
start_web() {
  local scheme=http
  [ -n "$(ip -4 addr show to 203.0.113.1)" ] || skip 'only root can make the host outside'
  [ $# = 1 ] || scheme=https
  : >>server.log
  "$(dirname "$TEST_LIB")/tools/web-server" 203.0.113.1 "$@" >>server.log 2>&1 &
  web_servers+=($!)
  eventually 10 web_is_ready
  # shellcheck disable=SC2034
  base=$scheme://ip-203-0-113-1.test:$1
}
web_is_ready() { [ "$(grep -c ready server.log)" = ${#web_servers[@]} ]; }
# start_proxy [--at ADDRESS] HOST:PORT: tests/tools/proxy; sets proxy, its address. What it is asked for is in proxy.log.
start_proxy() {
  : >proxy.log
  "$(dirname "$TEST_LIB")/tools/proxy" "$@" >>proxy.log 2>&1 &
  web_proxies+=($!)
  eventually 10 grep -q listening proxy.log
  # shellcheck disable=SC2034
  proxy=$(sed -n 's/listening on //p' proxy.log)
}
# All of them; also at the end of the script.
net_clean() { kill "${web_servers[@]}" "${web_proxies[@]}" 2>/dev/null || true; }

# make_certificate: ca/certificate and ca/key of start_web's host, by ca/ca.pem.
make_certificate() {
  mkdir ca
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=test' -keyout ca/ca.key -out ca/ca.pem 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=x' -keyout ca/key -out ca/request 2>/dev/null
  printf 'subjectAltName=DNS:ip-203-0-113-1.test' >ca/names
  openssl x509 -req -in ca/request -CA ca/ca.pem -CAkey ca/ca.key -days 2 -extfile ca/names -out ca/certificate 2>/dev/null
}
