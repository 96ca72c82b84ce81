package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassElement;
import java.lang.classfile.ClassFile;
import java.lang.classfile.MethodModel;
import java.lang.constant.ConstantDescs;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * That {@link AccessMatrixTest} can fail: each rule by which somebody is let in or kept out is
 * broken in turn, in a copy of the server's classes, and the matrix must find it.
 */
@Timeout(300)
class AccessMatrixMutantsTest {
  private static final String OURS = "io.drover.server.";

  @TempDir private Path directory;

  @ParameterizedTest
  @CsvSource({
    "api.Access, requireAdminsView, false, everyRouteIsForWhomItIsMeant",
    "api.Access, requireMore, false, everyRouteIsForWhomItIsMeant",
    "api.Access, requirePerson, false, everyRouteIsForWhomItIsMeant",
    "account.Rights, owns, true, everyRouteIsForWhomItIsMeant",
    "account.Principal, isReadOnly, false, membersReachTheirsAsWhatTheyAre",
    "account.Account, isAdmin, true, nobodyReachesAClusterHeIsNoMemberOf",
    "account.Rights, isInScope, true, nobodyReachesAClusterHeIsNoMemberOf",
  })
  void aBrokenRuleIsFound(String type, String rule, boolean always, String test) throws Exception {
    var copy = new Copy(OURS + type, rule, always);

    assertThatThrownBy(() -> run(copy, test)).isInstanceOf(AssertionError.class);

    assertThat(copy.broken).isOne();
  }

  @Test
  void aCopyWithoutABrokenRuleIsAsGoodAsTheServer() throws Exception {
    run(new Copy("", "", false), "membersReachTheirsAsWhatTheyAre");
  }

  private void run(Copy copy, String test) throws Exception {
    var constructor = copy.loadClass(AccessMatrixTest.class.getName()).getDeclaredConstructor();
    constructor.setAccessible(true);
    var matrix = constructor.newInstance();
    var place = matrix.getClass().getDeclaredField("directory");
    place.setAccessible(true);
    place.set(matrix, directory);
    call(matrix, "start");
    try {
      call(matrix, test);
    } finally {
      call(matrix, "stop");
    }
  }

  private static void call(Object matrix, String method) throws Exception {
    var found = matrix.getClass().getDeclaredMethod(method);
    found.setAccessible(true);
    try {
      found.invoke(matrix);
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof AssertionError failed) {
        throw failed;
      }
      throw e;
    }
  }

  /** The server's classes and its tests' once more, with one method that has forgotten its rule. */
  private static final class Copy extends ClassLoader {
    private final String type;
    private final String rule;
    private final boolean always;
    int broken;

    /** If the method has an answer, it is {@code always}; else it throws nothing. */
    Copy(String type, String rule, boolean always) {
      super(AccessMatrixMutantsTest.class.getClassLoader());
      this.type = type;
      this.rule = rule;
      this.always = always;
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
      if (!name.startsWith(OURS)) {
        return super.loadClass(name, resolve);
      }
      synchronized (getClassLoadingLock(name)) {
        var loaded = findLoadedClass(name);
        if (loaded != null) {
          return loaded;
        }
        var bytes = name.equals(type) ? broken(bytes(name)) : bytes(name);
        return defineClass(name, bytes, 0, bytes.length);
      }
    }

    private byte[] bytes(String name) {
      try (var in = getResourceAsStream(name.replace('.', '/') + ".class")) {
        return Objects.requireNonNull(in, name).readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private byte[] broken(byte[] bytes) {
      var files = ClassFile.of();
      return files.transformClass(files.parse(bytes), this::copy);
    }

    private void copy(ClassBuilder to, ClassElement element) {
      if (!(element instanceof MethodModel method) || !method.methodName().equalsString(rule)) {
        to.with(element);
        return;
      }
      broken++;
      boolean isVoid = method.methodTypeSymbol().returnType().equals(ConstantDescs.CD_void);
      to.withMethodBody(
          method.methodName(),
          method.methodType(),
          method.flags().flagsMask(),
          code -> {
            if (isVoid) {
              code.return_();
            } else {
              code.loadConstant(always ? 1 : 0).ireturn();
            }
          });
    }
  }
}
