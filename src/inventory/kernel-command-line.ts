// The kernel command line as settings: how a network boot tells the agent what to do.

/** The parameters by name. Of a repeated one the last counts, as for the kernel.
 *  Source: kernel Documentation/admin-guide/kernel-parameters.rst (double quotes protect spaces). */
export function parseKernelCommandLine(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [word] of text.matchAll(/(?:"[^"]*"|[^\s"])+/g)) {
    const plain = word.replaceAll('"', '');
    const equals = plain.indexOf('=');
    if (equals > 0) parameters.set(plain.slice(0, equals), plain.slice(equals + 1));
  }
  return parameters;
}

/** The MAC address in PXELINUX's BOOTIF, after its hardware type (01 is Ethernet); undefined for
 *  other hardware and for junk, which a boot loader wrote and nobody on this machine can mend.
 *  Source: syslinux documentation, SYSAPPEND 2. */
export function bootifMac(value: string): string | undefined {
  return /^01-((?:[0-9a-f]{2}-){5}[0-9a-f]{2})$/i.exec(value)?.[1];
}
