# The agent's image: docker build -t drover-agent .
#
# One image for every mode: the environment says which, as with the stock agent. No shell, no package
# manager, nothing setuid. Two builds from one commit give the same bytes; docs/image.md says how.
#
# For another platform: docker build --platform linux/arm64. Java's cache is made by the Java that
# ships, so the build stage runs on the target's platform.
ARG MAVEN_IMAGE=docker.io/library/maven:3.9-eclipse-temurin-25

FROM ${MAVEN_IMAGE} AS build

# The Java runtime: as large as the agent needs it. Changes with the base image only. Of the security providers
# those behind the fifth are in other modules; for a name that is missing Java would make every provider on the
# class path, Bouncy Castle's with 700 classes.
RUN jlink \
      --add-modules java.base,java.logging,java.management,java.naming,java.net.http,java.xml,jdk.httpserver,jdk.jfr,jdk.management,jdk.net,jdk.unsupported \
      --strip-java-debug-attributes --no-header-files --no-man-pages --output /opt/drover/runtime \
 && cd /opt/drover/runtime \
 && sed -i '/^security\.provider\.\([6-9]\|1[0-9]\)=/d' conf/security/java.security \
 && rm bin/jfr bin/keytool bin/jwebserver lib/jexec lib/jspawnhelper lib/jrt-fs.jar lib/classlist

# The C library that the runtime was found to need, and the few files it reads.
COPY image/etc /system/etc
RUN find /opt/drover/runtime \( -name '*.so' -o -path '*/bin/java' \) -exec ldd {} + \
      | awk '{ for (i = 1; i <= NF; i++) if ($i ~ "^/(usr/)?lib") print $i }' | sort -u \
      | xargs -I FILE cp -L --parents FILE /system \
 && mkdir -p /system/usr/share/doc/drover \
 && cp -L --parents /usr/share/doc/libc6/copyright /system \
 && install -d -m 1777 /system/tmp

# /usr/bin/drover-agent without a shell: a line that names its interpreter, Java, and behind it a jar. Readers of
# jars start at the end and do not mind.
COPY image/command.options /opt/drover/conf/
RUN printf 'Main-Class: io.drover.agent.Main\nClass-Path: ../../opt/drover/lib/drover-agent.jar\n' >/tmp/manifest \
 && jar --create --file /tmp/command.jar --manifest /tmp/manifest --date 2026-01-01T00:00:00Z \
 && mkdir -p /system/usr/bin \
 && { echo '#!/opt/drover/runtime/bin/java @/opt/drover/conf/command.options'; cat /tmp/command.jar; } \
      >/system/usr/bin/drover-agent \
 && chmod 755 /system/usr/bin/drover-agent /system/usr/bin

# What the jars are made of, so that no other change makes them again.
WORKDIR /src
COPY .mvn .mvn
COPY pom.xml ./
COPY server/pom.xml server/
COPY interop/standin/pom.xml interop/standin/
COPY interop/jmh/pom.xml interop/jmh/
COPY interop/e2e/pom.xml interop/e2e/
COPY image/BillOfMaterials.java image/
COPY proto/pom.xml proto/
COPY proto/src/main proto/src/main
COPY steve/pom.xml steve/
COPY steve/src/main steve/src/main
COPY agent/pom.xml agent/
COPY agent/src/main agent/src/main

# Fixed, since the cache notes when the jars were written. 2026-01-01, as in the pom.
ARG SOURCE_DATE_EPOCH=1767225600

# Jars and their cache in one step: a cache does not fit the jars of another build, which Java 25.0.3
# does not notice (JDK-8377932). The last line fails unless it fits.
RUN --mount=type=cache,target=/root/.m2/repository \
    --mount=type=secret,id=maven-settings,target=/root/.m2/settings.xml \
    mvn -B -ntp -pl proto,steve,agent package \
      -Dmaven.test.skip -Dmaven.antrun.skip -Dspotless.check.skip \
 && cp -r agent/target/drover-agent/conf agent/target/drover-agent/lib /opt/drover/ \
 && java -cp '/opt/drover/lib/*' image/BillOfMaterials.java \
      agent/target/bom.json /opt/drover /system/usr/share/doc/drover \
 && find /opt/drover /system -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} + \
 && cd /opt/drover \
 && runtime/bin/java @conf/jvm.options -Xmx512m -Xshare:dump -Xlog:disable -Xlog:all=error \
      -XX:SharedClassListFile=/src/agent/src/main/aot/classes.txt \
      -XX:SharedArchiveFile=lib/drover-agent.aot -cp /opt/drover/lib/drover-agent.jar \
 && chmod 644 lib/drover-agent.aot \
 && runtime/bin/java @conf/jvm.options -XX:AOTCache=lib/drover-agent.aot -XX:AOTMode=on \
      -jar /opt/drover/lib/drover-agent.jar version

FROM scratch

COPY --from=build /system /
COPY --from=build /opt/drover/runtime /opt/drover/runtime
COPY --from=build /opt/drover/conf /opt/drover/conf
COPY --from=build /opt/drover/lib /opt/drover/lib

# As the stock image. One arena for each of many threads would cost more memory than the heap.
ENV PATH=/usr/bin \
    SSL_CERT_DIR=/etc/kubernetes/ssl/certs \
    LANG=C.UTF-8 \
    MALLOC_ARENA_MAX=2

ARG VERSION=0.1.0-SNAPSHOT
ARG REVISION=unknown
LABEL io.cattle.agent=true \
      org.opencontainers.image.title=drover-agent \
      org.opencontainers.image.description="A drop-in for Rancher's cattle-cluster-agent" \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION

USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/opt/drover/runtime/bin/java", "@/opt/drover/conf/jvm.options", \
            "-XX:AOTCache=/opt/drover/lib/drover-agent.aot", "-jar", "/opt/drover/lib/drover-agent.jar"]
