// The entries that a boot loader's own files have for a kernel: GRUB's grub.cfg and the Boot Loader
// Specification's snippets. Pure.
import { compareVersions } from './version.ts';

/** A kernel, and what belongs to it. Paths as the boot loader has them. */
export interface MenuEntry {
  readonly title: string;
  readonly kernel: string;
  readonly initrds: readonly string[];
  readonly args: string;
}

/** Variables of GRUB: "saved_entry", "kernelopts". */
export type GrubVariables = ReadonlyMap<string, string>;

/** Source: GRUB manual, "The GRUB environment block". */
export function parseGrubEnv(text: string): GrubVariables {
  const variables = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) variables.set(name, value);
  }
  return variables;
}

interface Item {
  readonly title: string;
  readonly id: string | undefined;
  /** The entries of a submenu. */
  readonly items: Item[];
  kernel?: string;
  args?: string;
  initrds?: string[];
}

/** The entry that GRUB would boot by itself; undefined where its file has none of its own, as where it reads
 *  snippets. Source: GRUB manual, "menuentry", "default"; /etc/grub.d/10_linux. */
export function grubDefault(text: string, variables: GrubVariables): MenuEntry | undefined {
  const items = grubItems(text);
  const wanted = [...text.matchAll(/^\s*set default="?([^"\n]*)"?\s*$/gm)]
    .map(([, value = '']) => expand(value, variables).trim())
    .findLast((value) => value !== '');
  const chosen = find(items, (wanted ?? '0').split('>')) ?? find(items, ['0']);
  return [chosen, ...all(items)]
    .filter((item) => item !== undefined && item.kernel !== undefined)
    .filter((item, index) => index === 0 || !/recovery|rescue/i.test(item?.title ?? ''))
    .map((item) => toEntry(item, variables))
    .at(0);
}

function toEntry(item: Item | undefined, variables: GrubVariables): MenuEntry {
  const { title = '', kernel = '', args = '', initrds = [] } = item ?? {};
  const path = (text: string): string => expand(text, variables).replace(/^\([^)]*\)/, '');
  return {
    title,
    kernel: path(kernel),
    initrds: initrds.map(path),
    args: tidy(expand(args, variables)),
  };
}

function grubItems(text: string): Item[] {
  const top: Item[] = [];
  // The owner of each open brace.
  const open: (Item | undefined)[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const [, verb, rest = ''] = /^(menuentry|submenu)\s+(.*)\{$/.exec(line) ?? [];
    if (verb !== undefined) {
      const item: Item = { title: titleOf(rest), id: idOf(rest), items: [] };
      (open.findLast((one) => one !== undefined)?.items ?? top).push(item);
      open.push(item);
    } else if (line.endsWith('{')) open.push(undefined);
    else if (line === '}') open.pop();
    else addLine(open.at(-1), line);
  }
  return top;
}

function addLine(item: Item | undefined, line: string): void {
  if (item === undefined) return;
  const [, verb, path, rest = ''] = /^(linux|initrd)(?:16|efi)?\s+(\S+)\s*(.*)$/.exec(line) ?? [];
  if (path === undefined) return;
  if (verb === 'initrd') item.initrds = [path, ...rest.split(/\s+/).filter((name) => name !== '')];
  else {
    item.kernel = path;
    item.args = rest;
  }
}

function titleOf(text: string): string {
  const [, single, double, bare] = /^(?:'([^']*)'|"([^"]*)"|(\S+))/.exec(text) ?? [];
  return single ?? double ?? bare ?? '';
}

function idOf(text: string): string | undefined {
  return /(?:--id|menuentry_id_option)\s+['"]?([^'"\s]+)/.exec(text)?.[1];
}

/** By number, title or id at each level; the first of a submenu where only that is named. */
function find(items: readonly Item[], [step, ...rest]: readonly string[]): Item | undefined {
  const item = /^\d+$/.test(step ?? '')
    ? items[Number(step)]
    : (items.find(({ title, id }) => title === step || id === step) ??
      all(items).find(({ id }) => id === step));
  if (item === undefined || item.kernel !== undefined) return item;
  return find(item.items, rest.length > 0 ? rest : ['0']);
}

function all(items: readonly Item[]): Item[] {
  return items.flatMap((item) => [item, ...all(item.items)]);
}

/** A variable that is not set is empty, as in GRUB. */
function expand(text: string, variables: GrubVariables): string {
  return text.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (_, braced?: string, bare?: string) => variables.get(braced ?? bare ?? '') ?? '',
  );
}

/** A file of loader/entries. */
export interface Snippet {
  /** Without ".conf". */
  readonly name: string;
  readonly text: string;
}

/** The entry that would be booted: the default one by name, else that of the newest version. Those of
 *  unified kernel images are none. `wanted` may have the wildcards of loader.conf.
 *  Source: UAPI.1 Boot Loader Specification; loader.conf(5). */
export function snippetDefault(
  snippets: readonly Snippet[],
  variables: GrubVariables,
  wanted?: string,
): MenuEntry | undefined {
  const entries = snippets
    .map(({ name, text }) => ({ name, fields: parseSnippet(text) }))
    .filter(({ fields }) => fields.has('linux'))
    .toSorted((a, b) => compareSnippets(b, a));
  const names = [wanted, variables.get('saved_entry')];
  const chosen = names
    .flatMap((name) => entries.find((entry) => isNamed(entry.name, name)) ?? [])
    .at(0);
  const ordinary = entries.find(({ name }) => !name.includes('rescue'));
  const { fields } = chosen ?? ordinary ?? entries[0] ?? {};
  if (fields === undefined) return undefined;
  const [title = '', kernel = ''] = [fields.get('title')?.[0], fields.get('linux')?.[0]];
  return {
    title,
    kernel: expand(kernel, variables).trim(),
    initrds: (fields.get('initrd') ?? [])
      .flatMap((line) => expand(line, variables).split(/\s+/))
      .filter((path) => path !== ''),
    args: tidy(expand((fields.get('options') ?? []).join(' '), variables)),
  };
}

interface ParsedSnippet {
  readonly name: string;
  readonly fields: ReadonlyMap<string, string[]>;
}

function parseSnippet(text: string): ReadonlyMap<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^([a-z-]+)\s+(.*\S)\s*$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    fields.set(key, [...(fields.get(key) ?? []), value]);
  }
  return fields;
}

function compareSnippets(a: ParsedSnippet, b: ParsedSnippet): number {
  const version = ({ name, fields }: ParsedSnippet): string => fields.get('version')?.[0] ?? name;
  return compareVersions(version(a), version(b)) || compareVersions(a.name, b.name);
}

function isNamed(name: string, wanted: string | undefined): boolean {
  if (wanted === undefined || wanted === '' || wanted.startsWith('@')) return false;
  const pattern = wanted
    .replace(/\.conf$/, '')
    .split('*')
    .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${pattern}$`).test(name);
}

function tidy(args: string): string {
  return args.replaceAll(/\s+/g, ' ').trim();
}
