package emhwatch.hapi;

import ca.uhn.fhir.rest.server.RestfulServer;
import java.io.File;
import java.nio.file.Files;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/** Starts HAPI (on the loopback unless told otherwise): system properties {@code port}, {@code address} and those of {@link ServerConfig}. */
public final class Main {
  private Main() {}

  public static void main(String[] args) throws Exception {
    var spring = new AnnotationConfigApplicationContext(ServerConfig.class);
    File work = Files.createTempDirectory("hapi-tomcat").toFile();
    work.deleteOnExit();
    var tomcat = new Tomcat();
    tomcat.setBaseDir(work.getPath());
    tomcat.setPort(Integer.getInteger("port", 8080));
    var connector = tomcat.getConnector();
    connector.setProperty("address", System.getProperty("address", "127.0.0.1"));
    connector.setProperty("relaxedQueryChars", "|");
    Context context = tomcat.addContext("", work.getPath());
    Tomcat.addServlet(context, "fhir", spring.getBean(RestfulServer.class)).setLoadOnStartup(1);
    context.addServletMappingDecoded("/fhir/*", "fhir");
    tomcat.start();
    tomcat.getServer().await();
  }
}
