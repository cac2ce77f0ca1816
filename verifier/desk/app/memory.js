/* What this device keeps, in IndexedDB: the desk's key, its bundle, its journal, and requests under way.
 *
 * A grant is written with strict durability before anybody sees it, so that a device that dies has not forgotten it.
 */

const NAME = "badgewright-desk";
const VERSION = 1;

export class Memory {
  constructor(database) {
    this.database = database;
  }

  static open(name = NAME) {
    return new Promise((resolve, reject) => {
      const asked = indexedDB.open(name, VERSION);
      asked.onupgradeneeded = () => {
        asked.result.createObjectStore("facts"); // desk, bundle, epoch, settings: one value each
        asked.result.createObjectStore("journal", { keyPath: "seq" }); // this desk's own, {seq, token, claims}
        asked.result.createObjectStore("others", { keyPath: "id" }); // entries of other desks, {id, claims}
        asked.result.createObjectStore("requests", { keyPath: "requestId" }); // asked, and not yet entered
      };
      asked.onsuccess = () => resolve(new Memory(asked.result));
      asked.onerror = () => reject(asked.error);
      asked.onblocked = () => reject(new Error("another window of this desk is open with an older page"));
    });
  }

  fact(name) {
    return this.#read("facts", (store) => store.get(name));
  }

  keep(facts) {
    return this.#write(["facts"], ([store]) => {
      for (const [name, value] of Object.entries(facts)) store.put(value, name);
    });
  }

  journal() {
    return this.#read("journal", (store) => store.getAll());
  }

  /** One more entry, by `make(last)` out of the last one; entries follow each other also in two windows. A request
   * that it settles is forgotten in the same transaction. */
  async enter(make, { settles = null } = {}) {
    for (;;) {
      const cursor = await this.#read("journal", (store) => store.openCursor(null, "prev"));
      const entry = await make(cursor?.value ?? null);
      try {
        await this.#write(["journal", "requests"], ([journal, requests]) => {
          journal.add(entry);
          if (settles !== null) requests.delete(settles);
        });
        return entry;
      } catch (error) {
        if (error?.name !== "ConstraintError") throw error; // another window was first: follow it
      }
    }
  }

  others() {
    return this.#read("others", (store) => store.getAll());
  }

  learn(entries, facts = {}) {
    return this.#write(["others", "facts"], ([others, kept]) => {
      for (const entry of entries) others.put(entry);
      for (const [name, value] of Object.entries(facts)) kept.put(value, name);
    });
  }

  requests() {
    return this.#read("requests", (store) => store.getAll());
  }

  begin(request) {
    return this.#write(["requests"], ([store]) => store.put(request));
  }

  forget(requestId) {
    return this.#write(["requests"], ([store]) => store.delete(requestId));
  }

  /** Everything, when the event's file says so or the desk is given back. */
  clear() {
    return this.#write(["facts", "journal", "others", "requests"], (stores) => {
      for (const store of stores) store.clear();
    });
  }

  #read(name, ask) {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(name, "readonly");
      const asked = ask(transaction.objectStore(name));
      let result;
      asked.onsuccess = () => {
        result = asked.result;
      };
      transaction.oncomplete = () => resolve(result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  #write(names, act) {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(names, "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error); // a refused add aborts the whole: nothing is half written
      act(names.map((name) => transaction.objectStore(name)));
    });
  }
}
