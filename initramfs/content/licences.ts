// The list of what an image is made of, as an SPDX document.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One part of an image. `licence` is an SPDX expression, or "NOASSERTION" where none is known. */
export interface Part {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  readonly supplier: string;
  readonly comment?: string;
}

/** Debian's short names of licences that have another one in SPDX's list. */
const spdxNames: Readonly<Record<string, string>> = {
  'GPL-1': 'GPL-1.0-only',
  'GPL-1+': 'GPL-1.0-or-later',
  'GPL-2': 'GPL-2.0-only',
  'GPL-2+': 'GPL-2.0-or-later',
  'GPL-2.0': 'GPL-2.0-only',
  'GPL-3': 'GPL-3.0-only',
  'GPL-3+': 'GPL-3.0-or-later',
  'LGPL-2': 'LGPL-2.0-only',
  'LGPL-2+': 'LGPL-2.0-or-later',
  'LGPL-2.1': 'LGPL-2.1-only',
  'LGPL-2.1+': 'LGPL-2.1-or-later',
  'LGPL-3': 'LGPL-3.0-only',
  'LGPL-3+': 'LGPL-3.0-or-later',
  'GFDL-1.3': 'GFDL-1.3-only',
  Expat: 'MIT',
  'BSD-2-clause': 'BSD-2-Clause',
  'BSD-3-clause': 'BSD-3-Clause',
  'BSD-4-clause': 'BSD-4-Clause',
  'Apache-2': 'Apache-2.0',
};
const spdxIds =
  /^(?:(?:A?GPL|LGPL|GFDL)-[\d.]+-(?:only|or-later)|MIT|ISC|Zlib|0BSD|BSD-[234]-Clause|Apache-2\.0|CC0-1\.0|Unlicense|BSL-1\.0|ICU|OpenSSL|bzip2-1\.0\.6)$/;

/** All licences that a Debian package's copyright file names, joined as SPDX joins them.
 *  Source: /usr/share/doc/<package>/copyright, Debian's machine-readable format 1.0. A file without
 *  that format says which common licences it means by their paths. */
export function debianLicence(packageRoot: string, name: string): string {
  const file = join(packageRoot, 'usr', 'share', 'doc', name, 'copyright');
  if (!existsSync(file)) return 'NOASSERTION';
  const text = readFileSync(file, 'utf8');
  const named = [...text.matchAll(/^License: *(\S.*)$/gm)].flatMap(([, names = '']) =>
    names.split(/,? +(?:and|or|and\/or) +|, */),
  );
  const common = [...text.matchAll(/common-licenses\/([A-Z][\w.-]*\w)/g)].map(([, n = '']) => n);
  const ids = new Set((named.length > 0 ? named : common).map(spdxLicence));
  return ids.size === 0 ? 'NOASSERTION' : [...ids].toSorted().join(' AND ');
}

function spdxLicence(debian: string): string {
  const exception = / with (?:GCC|.*[Ll]inking|Libgcc).*$/i.test(debian) ? '-with-exception' : '';
  const plain = debian.replace(/ +with .*$/i, '').trim();
  const id = spdxNames[plain] ?? plain;
  if (exception === '' && spdxIds.test(id)) return id;
  return `LicenseRef-${(plain + exception).replaceAll(/[^A-Za-z0-9.-]+/g, '-')}`;
}

/** The document. `created` in RFC 3339; nothing in it depends on when or where it was made. */
export function spdxDocument(image: string, created: string, parts: readonly Part[]): unknown {
  const id = (part: Part): string =>
    `SPDXRef-${part.name}-${part.version}`.replaceAll(/[^A-Za-z0-9.-]+/g, '-');
  const sorted = parts.toSorted((a, b) => (id(a) < id(b) ? -1 : 1));
  const digest = createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: image,
    documentNamespace: `urn:dragonfly:image:${image}:${digest}`,
    creationInfo: { created, creators: ['Tool: dragonfly-agent build:initramfs'] },
    packages: sorted.map((part) => ({
      SPDXID: id(part),
      name: part.name,
      versionInfo: part.version,
      supplier: part.supplier,
      downloadLocation: 'NOASSERTION',
      filesAnalyzed: false,
      licenseConcluded: 'NOASSERTION',
      licenseDeclared: part.licence,
      copyrightText: 'NOASSERTION',
      ...(part.comment === undefined ? {} : { comment: part.comment }),
    })),
    hasExtractedLicensingInfos: licenceRefs(sorted),
    relationships: sorted.map((part) => ({
      spdxElementId: 'SPDXRef-DOCUMENT',
      relationshipType: 'DESCRIBES',
      relatedSpdxElement: id(part),
    })),
  };
}

/** SPDX wants every LicenseRef- that is used to be explained. */
function licenceRefs(parts: readonly Part[]): unknown[] {
  const refs = new Set(parts.flatMap((part) => part.licence.match(/LicenseRef-[\w.-]+/g) ?? []));
  return [...refs].toSorted().map((ref) => ({
    licenseId: ref,
    extractedText: `See the copyright file of the Debian package that names ${ref.slice(11)}.`,
  }));
}
