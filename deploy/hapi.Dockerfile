# The project's HAPI FHIR launcher, for trying the service out; not for patients' data.
FROM maven:3.9-eclipse-temurin-17 AS build
WORKDIR /build
COPY tests/hapi/pom.xml ./
COPY tests/hapi/src src
RUN mvn -q -B -ntp package && mkdir /libs \
 && for jar in $(tr ':' ' ' < target/classpath.txt); do cp "$jar" /libs/; done && cp target/hapi.jar /libs/

FROM eclipse-temurin:17-jre
RUN useradd --system --uid 10001 hapi
COPY --from=build /libs /libs
USER 10001
EXPOSE 8080
CMD ["java", "-Xmx1200m", "-Dport=8080", "-Daddress=0.0.0.0", "-cp", "/libs/*", "emhwatch.hapi.Main"]
