// Templates filled in for a machine, and the texts that its variables may have.
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Template } from '../../../../src/model/documents/template.ts';
import { fillTemplate } from '../../../../src/server/rules/fill/fill.ts';
import {
  machineVariables,
  type FleetSettings,
} from '../../../../src/server/rules/fill/variables.ts';
import { newMachine } from '../machine.ts';

export const ca = '-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----\n';

export const keys = ['ssh-ed25519 AAAAC3Nz+a/b= ada@host', 'ssh-rsa AAAAB3 "grace"'];

export function fill(fields: object, settings: FleetSettings = {}, random = Math.random) {
  const action = { action: 'writefile' as const, path: '/a', ...fields };
  const template: Template = {
    apiVersion: 'dragonfly.computer/v1',
    kind: 'Template',
    metadata: { name: 't' },
    spec: { actions: [action] },
  };
  const variables = machineVariables(newMachine(), settings, {
    server: { url: 'https://boot.example.org', ca },
    phoneHomeUrl: 'https://boot.example.org/report?token=t',
    random,
  });
  const [filled] = fillTemplate(template, variables).spec.actions;
  return { ...action, content: '', ...filled };
}

/** The content as cloud-init reads it. */
export function read(content: string, settings: FleetSettings = {}): unknown {
  return parse(fill({ content }, settings).content);
}

/** Texts of every kind, among them all that YAML reads as something else. */
export const texts = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
  fc.string({ unit: fc.constantFrom(...Array.from(' \t\n\r:#-\'"\\,[]{}&*!|>%@?`a0=~')) }),
  fc.constantFrom(
    'yes',
    'null',
    '~',
    '',
    '0644',
    '12:30:45',
    '2026-01-01',
    '1e3',
    '.inf',
    '=',
    '<<',
  ),
  fc.constantFrom('\u0085', '\u2028', '\u007f', '\ufeff', '\ue000', '{{ x }}', '---', '...', '# x'),
  fc.constantFrom('a\u0085runcmd: []', '\u2028- a', 'a\u2029b: c'),
  fc.constantFrom('a\nb', ' a', 'a ', '\n', 'a\n\nb\n', '- a\n- b', 'a: b', '*a', '&a', '!a', '%a'),
);

/** A document with a text in the place of another, keys included. */
export function withText(value: unknown, from: string, to: string): unknown {
  if (typeof value === 'string') return value.replaceAll(from, () => to);
  if (Array.isArray(value)) return value.map((item) => withText(item, from, to));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key.replaceAll(from, () => to),
      withText(item, from, to),
    ]),
  );
}
