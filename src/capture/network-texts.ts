// Rewrites the texts about the setup of a machine's network. Addresses and host names become fakes, and
// most texts keep only what the probes read.
import { parseLan6Print, parseLanPrint } from '../probes/bmc.ts';
import { parameterWords } from '../probes/kernel-command-line.ts';
import { parseFibTrie, parseIpAddress } from '../probes/network/addresses.ts';
import { ipv4Number, ipv4Text } from '../probes/network/ip-address.ts';
import { leasePlaceOf } from '../probes/network/leases.ts';
import { parseResolvConf } from '../probes/network/resolv-conf.ts';
import { routeHex } from '../probes/network/routes.ts';
import type { Asked } from '../sources/captured/recording.ts';
import { fakeAddress, fakeIpv4, fakeIpv6Digits } from './fake-addresses.ts';
import type { Fakes } from './fakes.ts';
import { neighbourPrints } from './neighbour-texts.ts';
import { isCommonHost } from './secrets.ts';

type Rewrite = (text: string, fakes: Fakes) => string;

const files: Readonly<Record<string, Rewrite>> = {
  '/proc/cmdline': rewriteCommandLine,
  '/proc/net/fib_trie': rewriteFibTrie,
  '/proc/net/route': rewriteRoutes,
  '/proc/net/ipv6_route': rewriteIpv6Table,
  '/proc/net/if_inet6': rewriteIpv6Table,
  '/etc/resolv.conf': rewriteResolvConf,
};
const commands: Readonly<Record<string, Rewrite>> = {
  'ip -o -4 address': rewriteIpAddress,
};
/** Commands with arguments: a channel, if there are several; ports. */
const prints: readonly (readonly [RegExp, Rewrite])[] = [
  [/^ipmitool lan print( \d+)?$/, rewriteLanPrint],
  [/^ipmitool lan6 print( \d+)?$/, rewriteLan6Print],
  ...neighbourPrints,
];

/** Returns the text with fakes; undefined for a text that is not about the network. Bytes are a text with a character
 *  for each. */
export function rewriteNetworkText(asked: Asked, text: string, fakes: Fakes): string | undefined {
  const rewrite =
    asked.read === 'exec'
      ? rewriteOf([asked.tool, ...asked.args].join(' '))
      : (files[asked.path] ?? leaseRewrite(asked.path));
  return rewrite?.(text, fakes);
}

function rewriteOf(command: string): Rewrite | undefined {
  return commands[command] ?? prints.find(([pattern]) => pattern.test(command))?.[1];
}

/** Keeps the parameters, which describe the boot, and replaces the addresses and hosts in them. */
function rewriteCommandLine(text: string, fakes: Fakes): string {
  return text.replaceAll(parameterWords, (word) => {
    const [, name = '', value = word] = /^("?[^="]*=)(.*)$/s.exec(word) ?? [];
    if (name.endsWith('hostname=')) return name + fakeHost(value, fakes);
    if (name === 'ip=') return name + rewriteIp(value, fakes);
    if (/^"?rd\.lvm\.[lv][vg]=$/.test(name)) return name + rewriteGroup(value, fakes);
    return name + rewriteWords(rewriteMapped(value, fakes), fakes);
  });
}

/** `ip=CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:…`, with IPv6 addresses in brackets.
 *  Source: kernel Documentation/admin-guide/nfs/nfsroot.rst. */
function rewriteIp(value: string, fakes: Fakes): string {
  const fields = value.split(/:(?![^[]*\])/);
  return fields
    .map((field, i) => (i === 4 ? fakeHost(field, fakes) : rewriteWords(field, fakes)))
    .join(':');
}

/** "web01-vg/root": installers name a volume group after its host. */
function rewriteGroup(value: string, fakes: Fakes): string {
  const [group = '', ...volume] = value.split('/');
  return [fakes.of(group), ...volume].join('/');
}

/** Devices that are named after a volume group or a host: /dev/mapper/GROUP-VOLUME, where a dash of a name is
 *  doubled, /dev/GROUP/VOLUME, /dev/md/HOST:NAME. */
function rewriteMapped(value: string, fakes: Fakes): string {
  return value
    .replaceAll(/(?<=\/dev\/mapper\/)((?:[^\s,/-]|--)+)(?=-)/g, (group: string) =>
      fakes.of(group.replaceAll('--', '-')).replaceAll('-', '--'),
    )
    .replaceAll(
      /(?<=\/dev\/)(?!mapper\/|disk\/|md\/|block\/|input\/)([\w.+-]+)(?=\/)/g,
      (group: string) => fakes.of(group),
    )
    .replaceAll(/(?<=\/dev\/md\/)([^\s,:/]+)(?=:)/g, (host: string) => fakes.of(host));
}

/** Host names: after "://", before ":/" (NFS), and dotted names outside paths. */
const hosts =
  /(?<=:\/\/)[^\s/:@?#[\],]+|(?<![\w./-])[a-z][\w-]*(?=:\/(?!\/))|(?<![\w./-])(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*(?![\w.])/gi;
/** Names of iSCSI and NVMe-oF nodes, which contain a host name or a unique number. */
const qualifiedNames = /\b[in]qn\.[^\s,;"]+/gi;
const ipv6 = /(?<![\w:.])[0-9a-f]*(?::[0-9a-f]*){2,}(?![\w:.])/gi;
const ipv4 = /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])/g;

/** Replaces addresses and host names anywhere in a value. */
function rewriteWords(value: string, fakes: Fakes): string {
  const address = (text: string): string => fakeAddress(text, fakes) ?? text;
  return value
    .replaceAll(qualifiedNames, (name) => name.slice(0, 4) + fakes.of(name.slice(4)))
    .replaceAll(hosts, (host) => fakeHost(host, fakes))
    .replaceAll(ipv6, address)
    .replaceAll(ipv4, address);
}

/** Leaves addresses alone: other patterns replace them. */
function fakeHost(host: string, fakes: Fakes): string {
  const isNamed =
    /[a-z]/i.test(host) && !isCommonHost(host) && fakeAddress(host, fakes) === undefined;
  return isNamed ? fakes.of(host) : host;
}

function rewriteFibTrie(text: string, fakes: Fakes): string {
  const leaves = parseFibTrie(text).map((a) => `|-- ${fakeIpv4(a, fakes)}\n   /32 host LOCAL\n`);
  return leaves.join('');
}

function rewriteRoutes(text: string, fakes: Fakes): string {
  const { number, hex } = routeHex(text);
  const fake = (digits: string): string => hex(fakeIpv4Number(number(digits), fakes));
  return text.replaceAll(
    /^(\S+[ \t]+)([\dA-F]{8})([ \t]+)([\dA-F]{8})/gim,
    (_, name: string, destination: string, space: string, gateway: string) =>
      name + fake(destination) + space + fake(gateway),
  );
}

function rewriteIpv6Table(text: string, fakes: Fakes): string {
  return text.replaceAll(/\b[0-9a-f]{32}\b/gi, (digits) => fakeIpv6Digits(digits, fakes));
}

function rewriteResolvConf(text: string, fakes: Fakes): string {
  const { nameservers, domain } = parseResolvConf(text);
  const lines = nameservers.map((a) => `nameserver ${fakeAddress(a, fakes) ?? 'removed'}\n`);
  return (domain === null ? '' : `search ${fakeHost(domain, fakes)}\n`) + lines.join('');
}

function rewriteIpAddress(text: string, fakes: Fakes): string {
  const lines = parseIpAddress(text).map(
    (held, i) => `${i + 1}: ${held.interface}    inet ${fakeIpv4(held.address, fakes)}\n`,
  );
  return lines.join('');
}

function rewriteLan6Print(text: string, fakes: Fakes): string {
  const address = parseLan6Print(text);
  const fake = address && fakeAddress(address, fakes);
  return fake === undefined ? '' : `    Address: ${fake}/64\n    Status: active\n`;
}

/** Leaves the MAC alone: it is replaced like every MAC. */
function rewriteLanPrint(text: string, fakes: Fakes): string {
  const { address, mac } = parseLanPrint(text);
  return (
    (address === undefined ? '' : `IP Address : ${fakeIpv4(address, fakes)}\n`) +
    (mac === undefined ? '' : `MAC Address : ${mac}\n`)
  );
}

function leaseRewrite(path: string): Rewrite | undefined {
  const place = leasePlaceOf(path);
  if (place === undefined) return undefined;
  return (text, fakes) => {
    const leases = place.parse(text).map(({ address, url, domain }) =>
      place.write({
        ...(address !== undefined && { address: fakeIpv4(address, fakes) }),
        ...(url !== undefined && { url: rewriteWords(url, fakes) }),
        ...(domain !== undefined && { domain: fakeHost(domain, fakes) }),
      }),
    );
    return leases.join('');
  };
}

function fakeIpv4Number(number: number, fakes: Fakes): number {
  return ipv4Number(fakeIpv4(ipv4Text(number), fakes));
}
