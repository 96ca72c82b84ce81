# Sourced by demo, verify and bench: finds JDK 25 and Maven, and says in one sentence what is missing.
# Sets JAVA_HOME; maven() runs Maven with it, built() says whether that is needed and
# mark_built() that it was done.

readonly needed_java=25

java_major() { # JAVA_HOME
  [ -x "$1/bin/javac" ] && [ -f "$1/release" ] || return 1
  sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
}

find_jdk() {
  local candidate javac
  javac=$(command -v javac || true)
  [ -z "$javac" ] || javac=$(dirname "$(dirname "$(readlink -f "$javac")")")
  for candidate in "${JAVA_HOME:-}" "$javac" \
    /usr/lib/jvm/*"$needed_java"* /opt/*jdk*"$needed_java"* "$HOME"/.sdkman/candidates/java/"$needed_java"* \
    /Library/Java/JavaVirtualMachines/*"$needed_java"*/Contents/Home; do
    if [ -n "$candidate" ] && [ "$(java_major "$candidate")" -ge "$needed_java" ] 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

require_toolchain() {
  if ! JAVA_HOME=$(find_jdk); then
    echo "$(basename "$0"): needs JDK $needed_java or newer: install Temurin $needed_java, or set JAVA_HOME to one." >&2
    exit 2
  fi
  export JAVA_HOME
  if ! command -v mvn >/dev/null; then
    echo "$(basename "$0"): needs Maven 3.8 or newer: install it so that 'mvn' is on the PATH." >&2
    exit 2
  fi
}

maven() {
  mvn -B -ntp "$@"
}

# built PROGRAM SOURCE...: whether it is there, and its module's jar newer than all of these sources.
built() {
  local program=$1 jar
  jar=$(echo "${program%/target/*}"/target/drover-*.jar)
  shift
  [ -x "$program" ] && [ -f "$jar" ] && [ -z "$(find "$@" -newer "$jar" \
    \( -path '*/src/main/*' -o -name pom.xml \) -type f -not -path '*/target/*' -print -quit)" ]
}

# mark_built PROGRAM: after a build, since Maven leaves a jar alone whose content has not changed.
mark_built() { touch "${1%/target/*}"/target/drover-*.jar; }
