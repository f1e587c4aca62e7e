# The names people type. Each is one line: what it does is in cargo, or in crates/xtask.

# Lists the recipes.
default:
    @just --list

# Runs the server.
serve *ARGS:
    cargo run -- serve {{ARGS}}

# Makes an app, its owner, an organization and an API key, and prints the app's .env.
setup *ARGS:
    cargo run -- setup {{ARGS}}

# Runs all tests, or those that ARGS select.
test *ARGS:
    cargo xtask test {{ARGS}}

# Checks everything that a change has to pass.
ci:
    cargo xtask ci

# Measures the release build; --tenants: among few and very many tenants.
bench *ARGS:
    cargo xtask bench {{ARGS}}

# Formats the code.
fmt:
    cargo fmt --all

# Compares docs/openapi.json with the server; --write updates it.
openapi *ARGS:
    cargo xtask openapi {{ARGS}}

# Compares docs/actions.md with the server; --write updates it.
actions *ARGS:
    cargo xtask actions {{ARGS}}

# Compares docs/events.md with the server; --write updates it.
events *ARGS:
    cargo xtask events {{ARGS}}
