import { expect, it } from 'vitest';
import { parseRules, personOf, ruleFor } from '../../../../src/server/access/oidc/rules.ts';

const groupsIn = (claims: object, claim = 'groups', rules = 'admins=full; /rack/a=read') =>
  personOf({ sub: '1', ...claims }, claim, parseRules(rules)).groups;
const nameOf = (claims: object) => personOf({ sub: '24400320', ...claims }, 'groups', []).name;

it('reads rules with any group, in lines or behind semicolons', () => {
  expect(
    parseRules(`admins=full; Domain Users = read
      CN=ops,OU=x,DC=example=operate:rack-1, rack 2;
      *=read`),
  ).toEqual([
    { group: 'admins', scope: 'full' },
    { group: 'Domain Users', scope: 'read' },
    { group: 'CN=ops,OU=x,DC=example', scope: 'operate', tags: ['rack-1', 'rack 2'] },
    { group: '*', scope: 'read' },
  ]);
});

it.each(['admins', 'admins=root', '=full', 'admins=enrol', 'rack=operate:'])(
  'refuses the rule "%s"',
  (text) => {
    expect(() => parseRules(text)).toThrow(/must/);
  },
);

it('takes the first rule that fits', () => {
  const rules = parseRules('night=operate; admins=full; *=read');
  expect(ruleFor(['admins', 'night'], rules)).toMatchObject({ scope: 'operate' });
  expect(ruleFor(['others'], rules)).toMatchObject({ group: '*', scope: 'read' });
  expect(ruleFor(['others', '*'], parseRules('admins=full'))).toBeUndefined();
});

it('finds groups in lists, texts and paths, and a part of a name is none', () => {
  expect(groupsIn({ groups: ['x', 'admins', 7, null] })).toEqual(['admins']);
  expect(groupsIn({ groups: 'admins' })).toEqual(['admins']);
  expect(groupsIn({ groups: 'not admins' })).toEqual([]);
  expect(groupsIn({ groups: ['Admins', 'admins '] })).toEqual([]);
  expect(groupsIn({ groups: { admins: true } })).toEqual([]);
  expect(groupsIn({})).toEqual([]);
  expect(groupsIn({ realm_access: { roles: ['/rack/a'] } }, 'realm_access.roles')).toEqual([
    '/rack/a',
  ]);
  expect(
    groupsIn({ 'https://example.com/groups': ['admins'] }, 'https://example.com/groups'),
  ).toEqual(['admins']);
  expect(groupsIn({ scope: 'openid admins' }, 'scope')).toEqual(['admins']);
  expect(groupsIn({}, 'constructor.name', 'Object=full')).toEqual([]);
});

it('names people so that nobody looks like somebody else or like a token', () => {
  expect(nameOf({ email: 'alice@example.com' })).toBe('alice@example.com (oidc 24400320)');
  expect(nameOf({ email: 'ops', email_verified: false, name: 'Carol' })).toBe(
    'Carol (oidc 24400320)',
  );
  expect(nameOf({ email: 'root (oidc 1)\u202e\n' })).toBe('root oidc 1 (oidc 24400320)');
  expect(nameOf({ email: '', preferred_username: 7 })).toBe('oidc 24400320');
  expect(nameOf({ name: 'x'.repeat(300) })).toHaveLength(100 + ' (oidc 24400320)'.length);
  // Half of a sign is none: no strict reader would take the answers that name it.
  expect(nameOf({ name: `${'x'.repeat(99)}😀` })).toBe(`${'x'.repeat(99)} (oidc 24400320)`);
  expect(nameOf({ sub: '\ud800' })).toBe('oidc %ED%A0%80');
  expect(nameOf({ sub: '\udfff' })).toBe('oidc %ED%BF%BF');
  const subjects = ['a', 'a\n', 'a(', 'a%28', '\u202Ea', 'a b'];
  const names = subjects.map((sub) => nameOf({ sub }));
  expect(names).toEqual(
    ['a', 'a%0A', 'a%28', 'a%2528', '%E2%80%AEa', 'a b'].map((id) => `oidc ${id}`),
  );
});
