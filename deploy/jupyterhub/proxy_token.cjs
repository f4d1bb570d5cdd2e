// Loaded before configurable-http-proxy, which has no option for a file: its token from the file that
// CONFIGPROXY_AUTH_TOKEN_FILE names, as every other secret. `process.env` of a running Node is its own copy.
"use strict";

const file = process.env.CONFIGPROXY_AUTH_TOKEN_FILE;
if (file) {
  process.env.CONFIGPROXY_AUTH_TOKEN = require("node:fs").readFileSync(file, "utf8").trim();
}
