// The only door to a host's files and commands. Live host, captured directory and recorder all
// implement it, so that every probe works on a bug report as on the machine itself.

/** A host to read from. Paths are absolute within it ("/sys/class/net").
 *  Each reader returns undefined for what is not there, and throws an AppError (`read.*`, `exec.*`) with
 *  the path in its details for what is there but cannot be read. */
export interface Root {
  /** For people: "this host", or the capture's path. */
  readonly description: string;
  /** The file's exact content, as UTF-8. */
  text(path: string): Promise<string | undefined>;
  /** The content, or `length` bytes of it from `offset`. */
  bytes(path: string, range?: { offset: number; length: number }): Promise<Uint8Array | undefined>;
  /** The names in a directory, sorted. */
  list(dir: string): Promise<readonly string[] | undefined>;
  /** The real path of a symbolic link's target within this root ("/sys/devices/…"), even if nothing is
   *  there: a captured `driver` link still names the driver. For anything but a link: its own real path. */
  link(path: string): Promise<string | undefined>;
  /** The standard output of a command; undefined if there is no such command. */
  exec(tool: string, args: readonly string[]): Promise<string | undefined>;
}
