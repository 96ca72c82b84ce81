package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.NoSuchElementException;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.StaleElementReferenceException;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;

/** Chromium without a window. It trusts some servers, by the keys of their authorities. */
final class Browser implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** What axe holds a page to: WCAG 2.2, levels A and AA. */
  private static final String RULES =
      "{runOnly:{type:'tag',values:['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa']}}";

  private final ChromeDriver driver;
  private final URI server;
  private final Path directory;

  private Browser(ChromeDriver driver, URI server, Path directory) {
    this.driver = driver;
    this.server = server;
    this.directory = directory;
  }

  /** Opens one; {@code directory} gets what it downloads, and pictures. */
  static Browser open(URI server, List<Path> caFiles, Path directory) throws IOException {
    Programs.browser();
    Files.createDirectories(directory);
    var keys = new ArrayList<String>();
    for (var file : caFiles) {
      keys.add(keyHash(file));
    }
    var options = new ChromeOptions();
    options.setBinary("/usr/bin/chromium");
    options.addArguments(
        "--headless=new",
        "--no-sandbox", // it runs as root, and sees nothing but our own pages
        "--disable-gpu",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--ignore-certificate-errors-spki-list=" + String.join(",", keys));
    options.setExperimentalOption(
        "prefs", Map.of("download.default_directory", directory.toString()));
    var logs = new LoggingPreferences();
    logs.enable(LogType.BROWSER, java.util.logging.Level.ALL);
    options.setCapability("goog:loggingPrefs", logs);
    var service =
        new ChromeDriverService.Builder()
            .usingDriverExecutable(Path.of("/usr/bin/chromedriver").toFile())
            .usingAnyFreePort()
            .withLogFile(directory.resolve("chromedriver.log").toFile())
            .build();
    var driver = new ChromeDriver(service, options);
    driver.manage().window().setSize(new Dimension(1280, 860));
    return new Browser(driver, server, directory);
  }

  private static String keyHash(Path caFile) throws IOException {
    try (var in = Files.newInputStream(caFile)) {
      var authority = CertificateFactory.getInstance("X.509").generateCertificate(in);
      return Base64.getEncoder()
          .encodeToString(
              MessageDigest.getInstance("SHA-256").digest(authority.getPublicKey().getEncoded()));
    } catch (GeneralSecurityException e) {
      throw new IOException(caFile.toString(), e);
    }
  }

  /** Goes to a part of the page, such as {@code #/}. */
  void go(String path) {
    driver.get(server.resolve("/").toString());
    driver.executeScript("location.hash = arguments[0]", path);
  }

  /** What is there, as soon as it is. */
  WebElement see(By what) throws InterruptedException, IOException {
    try {
      return await(what);
    } catch (AssertionError e) {
      throw new AssertionError("see " + picture("missing"), e);
    }
  }

  private WebElement await(By what) throws InterruptedException {
    return Await.until(
        what.toString(),
        LIMIT,
        () -> {
          try {
            return Optional.of(driver.findElement(what)).filter(WebElement::isDisplayed);
          } catch (NoSuchElementException | StaleElementReferenceException e) {
            return Optional.empty();
          }
        });
  }

  /** An element that says something, among others perhaps. */
  WebElement see(String tag, String text) throws InterruptedException, IOException {
    return see(saying(tag, text));
  }

  private static By saying(String tag, String text) {
    return By.xpath("//%s[contains(normalize-space(.), \"%s\")]".formatted(tag, text));
  }

  /** No element says that any more. */
  void seeGone(String tag, String text) throws InterruptedException {
    var what = saying(tag, text);
    Await.until(
        "without " + text,
        LIMIT,
        () -> Optional.of(text).filter(_ -> driver.findElements(what).isEmpty()));
  }

  /** Presses it, as soon as it is there and stays for that long. */
  void press(String tag, String text) throws InterruptedException {
    Await.until(
        "press " + text,
        LIMIT,
        () -> {
          see(tag, text).click();
          return Optional.of(text);
        });
  }

  /** Types into the field with a label. */
  void type(String id, String text) throws InterruptedException, IOException {
    var field = see(By.id(id));
    field.clear();
    field.sendKeys(text);
  }

  /** Types where the cursor is. */
  void type(CharSequence text) {
    new Actions(driver).sendKeys(text).perform();
  }

  /** Takes one of a list. */
  void choose(String id, String text) throws InterruptedException, IOException {
    see(By.xpath("//select[@id='%s']/option[.='%s']".formatted(id, text))).click();
  }

  Object run(String script, Object... arguments) {
    return driver.executeScript(script, arguments);
  }

  /** Light or dark, as people set their machines. */
  void colours(String scheme) {
    driver.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
  }

  /** A picture of what is seen now. */
  Path picture(String name) throws IOException {
    return Files.write(directory.resolve(name + ".png"), driver.getScreenshotAs(OutputType.BYTES));
  }

  /** Everybody can use what is seen now, as far as a program can tell. */
  void isForEverybody() throws IOException {
    // As a debugger does it: the page's own policy would not let a script in.
    try (var axe = Objects.requireNonNull(Browser.class.getResourceAsStream("/axe.min.js"))) {
      driver.executeScript(new String(axe.readAllBytes(), UTF_8));
    }
    var found =
        driver.executeAsyncScript(
            "const done = arguments[0];"
                + "axe.run(document, "
                + RULES
                + ").then(r => done(r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html"
                + " + ' ' + n.failureSummary).join(' | '))), e => done([String(e)]))");
    assertThat((List<?>) found).isEmpty();
  }

  /** Nothing went wrong in the page since this was last asked, but answers with that status. */
  void hasNoTrouble(int... statuses) {
    assertThat(driver.manage().logs().get(LogType.BROWSER).getAll())
        .noneMatch(
            entry -> {
              for (int status : statuses) {
                if (entry.getMessage().contains("status of " + status)) {
                  return false;
                }
              }
              if (entry.getMessage().contains("willReadFrequently")) {
                return false; // how the terminal's library could be faster
              }
              return entry.getLevel().intValue() >= java.util.logging.Level.WARNING.intValue();
            });
  }

  @Override
  public void close() {
    driver.quit();
  }
}
