package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Refusal;
import io.drover.steve.query.Columns;
import io.drover.steve.query.Listing;
import io.drover.steve.query.Page;
import io.drover.steve.query.Projects;
import io.drover.steve.query.Query;
import io.drover.steve.query.Tally;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The first objects of a list in its order, up to the end of the page that is asked for. All
 * objects come by; what cannot be on this page or one before it is let go again, so that the first
 * page of a list of any length takes little. One thread.
 */
final class Best {
  /**
   * What the API server sends of those that are held, in bytes. In memory it is several times that.
   */
  static final long MAX_BYTES = 16L * 1024 * 1024;

  /** Objects that come before it is worth to look which can go. */
  private static final int MANY = 500;

  private final Query query;
  private final Columns columns;
  private IdentityHashMap<ObjectNode, Long> sizes = new IdentityHashMap<>();
  private List<ObjectNode> held = new ArrayList<>();
  private long heldBytes;
  private int count;

  /**
   * Holds nothing yet.
   *
   * @param query whose filters the objects have passed
   */
  Best(Query query, Columns columns) {
    this.query = query;
    this.columns = columns;
  }

  /** Takes an object. */
  void add(ObjectNode object, long size) throws Refusal {
    count++;
    held.add(object);
    sizes.put(object, size);
    heldBytes += size;
    int end = query.page().to(Integer.MAX_VALUE);
    if (held.size() - end >= MANY || (heldBytes > MAX_BYTES && held.size() > end)) {
      keep(end);
    }
    if (heldBytes > MAX_BYTES) {
      throw new Refusal(
          413,
          "RequestEntityTooLarge",
          "the first %d objects of this list have more than %d bytes and cannot be sorted: use a filter"
              .formatted(held.size(), MAX_BYTES));
    }
  }

  private void keep(int most) {
    var before = sizes;
    sizes = new IdentityHashMap<>();
    held = new ArrayList<>(listing(new Page(0, most), null).rows());
    heldBytes = 0;
    for (var object : held) {
      long size = before.getOrDefault(object, 0L);
      sizes.put(object, size);
      heldBytes += size;
    }
  }

  private Listing listing(Page page, @Nullable Tally tally) {
    var asked =
        new Query(
            query.dialect(),
            List.of(),
            query.sort(),
            page,
            null,
            query.shape(),
            query.revision(),
            query.limit(),
            query.resume(),
            tally);
    return Listing.of(asked, held, columns, Projects.NONE);
  }

  /** The page, of whose rows the tally is made. */
  Listing page() {
    return listing(query.page(), query.tally());
  }

  /** How many have come. */
  int count() {
    return count;
  }
}
