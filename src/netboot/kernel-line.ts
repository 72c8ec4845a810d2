// The kernel's command line, within the length that Linux takes. Pure.

/** Linux drops what is longer on x86 and arm64 without a word. Bytes. */
const longestLine = 2047;

/** Kept free for the server's own parameters, an address and a token of the usual length among them. Bytes. */
const ownBytes = 700;

/** The longest text of parameters that an operator may add in one place. Bytes. */
export const longestAppend = longestLine - ownBytes;

/** More parameters, and where an operator put them. */
export interface Appended {
  /** As an operator knows it: `--boot-append`, or a setting's name. */
  readonly from: string;
  readonly text: string;
}

export interface KernelLine {
  readonly line: string;
  /** Where the parameters come from that did not fit. */
  readonly leftOut: readonly string[];
}

/** The server's own parameters first, since the kernel drops the end of a line that is too long; then the
 *  operators', of which the last counts and which so override the server's. What does not fit is left out
 *  whole. */
export function kernelLine(own: readonly string[], more: readonly Appended[]): KernelLine {
  let line = own.join(' ');
  const leftOut: string[] = [];
  for (const { from, text } of more) {
    const longer = `${line} ${text.trim()}`;
    if (longer.length > longestLine) leftOut.push(from);
    else line = longer.trimEnd();
  }
  return { line, leftOut };
}
