// Parses the kernel's list of mounted file systems.

export interface Mount {
  /** The device's number: "8:1". */
  readonly device: string;
  /** The directory of the file system that is mounted: "/" for all of it. */
  readonly top: string;
  readonly point: string;
  /** The kind of file system. */
  readonly type: string;
}

/** If two mounts share a point, the later one is visible.
 *  Source: /proc/self/mountinfo (kernel Documentation/filesystems/proc.rst, 3.5). */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const [, , device, top, point] = fields;
    // Optional fields end with a dash.
    const dash = fields.indexOf('-', 6);
    const type = fields[dash + 1];
    if (dash < 0 || device === undefined || top === undefined) return [];
    if (point === undefined || type === undefined) return [];
    return [{ device, top: unescape(top), point: unescape(point), type }];
  });
}

/** Decodes the octal escapes that stand for blanks and the like. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
