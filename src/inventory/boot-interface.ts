// Which NIC a machine was booted from and reaches the server over: hints for its primary MAC.
import { isAppError } from '../core/errors.ts';
import type { IdentifyOptions } from '../identity/identify.ts';
import { normalizeMac } from '../identity/macs.ts';
import type { Root } from '../sources/root.ts';
import { bootifMac, parseKernelCommandLine } from './kernel-command-line.ts';
import { defaultRoute, parseIpv4Routes, parseIpv6Routes } from './routes.ts';

/** Source: /proc/cmdline, /proc/net/route and ipv6_route. Errors: none: what cannot be read is no
 *  hint. */
export async function readIdentityHints(root: Root): Promise<IdentifyOptions> {
  const bootMac = parseBootMac((await textIfReadable(root, '/proc/cmdline')) ?? '');
  const ipv4 = parseIpv4Routes((await textIfReadable(root, '/proc/net/route')) ?? '');
  const ipv6 = parseIpv6Routes((await textIfReadable(root, '/proc/net/ipv6_route')) ?? '');
  const route = defaultRoute(ipv4) ?? defaultRoute(ipv6);
  return {
    ...(bootMac === undefined ? {} : { bootMac }),
    ...(route === undefined ? {} : { routeInterface: route.interface }),
  };
}

/** The MAC of `dragonfly.mac=`, else of PXELINUX's `BOOTIF=01-aa-bb-…`. */
export function parseBootMac(cmdline: string): string | undefined {
  const parameters = parseKernelCommandLine(cmdline);
  const bootif = bootifMac(parameters.get('BOOTIF') ?? '');
  return normalizeMac(parameters.get('dragonfly.mac') ?? '') ?? normalizeMac(bootif ?? '');
}

async function textIfReadable(root: Root, path: string): Promise<string | undefined> {
  try {
    return await root.text(path);
  } catch (err) {
    if (isAppError(err)) return undefined;
    throw err;
  }
}
