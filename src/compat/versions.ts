/**
 * Version ordinals (`MQVersion.Version`) and language codes (`LanguageCode`): what a frame's `version` and `language` mean.
 */

/** Ordinals of the releases at which behaviour turns; a frame's version is compared with these. */
export const versions = {
  V3_0_7_SNAPSHOT: 28,
  V3_0_11: 37,
  V3_1_8_SNAPSHOT: 62,
  V3_4_9: 121,
  V4_1_0_SNAPSHOT: 232,
  /** Route answers are standard JSON from here on (`ClientRequestProcessor#getRouteInfoByTopic`). */
  V4_9_4: 401,
  V4_9_8: 409,
  V5_0_0: 413,
  /** Clients from here on understand GO_AWAY (`NettyRemotingAbstract`). */
  V5_3_1: 475,
  V5_3_3: 479,
  V5_4_0: 493,
  V5_5_0: 513,
  /** `HIGHER_VERSION`: every ordinal beyond the list reads as this one. */
  HIGHER_VERSION: 612,
} as const;

/** Names before the list becomes regular. */
const early = [
  'V3_0_0_SNAPSHOT', 'V3_0_0_ALPHA1', 'V3_0_0_BETA1', 'V3_0_0_BETA2', 'V3_0_0_BETA3', 'V3_0_0_BETA4', 'V3_0_0_BETA5',
  'V3_0_0_BETA6_SNAPSHOT', 'V3_0_0_BETA6', 'V3_0_0_BETA7_SNAPSHOT', 'V3_0_0_BETA7', 'V3_0_0_BETA8_SNAPSHOT', 'V3_0_0_BETA8',
  'V3_0_0_BETA9_SNAPSHOT', 'V3_0_0_BETA9', 'V3_0_0_FINAL',
];

/** The regular rest: each release of 3.0 to 5.9 has a snapshot and a final entry. 3.0 runs to 15; 3.3 to 3.9 begin at 1. */
function versionNames(): readonly string[] {
  const names = [...early];
  for (let major = 3; major <= 5; major++) {
    for (let minor = 0; minor <= 9; minor++) {
      const first = major === 3 && (minor === 0 || minor >= 3) ? 1 : 0;
      const last = major === 3 && minor === 0 ? 15 : 9;
      for (let patch = first; patch <= last; patch++) names.push(`V${major}_${minor}_${patch}_SNAPSHOT`, `V${major}_${minor}_${patch}`);
    }
  }
  names.push('HIGHER_VERSION');
  return names;
}

const names = versionNames();

/** The name of a version ordinal; too large reads as HIGHER_VERSION, negative as undefined (Java throws) (`MQVersion#getVersionDesc`). */
export function versionName(ordinal: number): string | undefined {
  return ordinal >= names.length ? 'HIGHER_VERSION' : names[ordinal];
}

/** The ordinal of a version name, or undefined. */
export function versionOrdinal(name: string): number | undefined {
  const ordinal = names.indexOf(name);
  return ordinal < 0 ? undefined : ordinal;
}

/** `LanguageCode`: the position is the code in binary headers. */
const languages = ['JAVA', 'CPP', 'DOTNET', 'PYTHON', 'DELPHI', 'ERLANG', 'RUBY', 'OTHER', 'HTTP', 'GO', 'PHP', 'OMS', 'RUST', 'NODE_JS'] as const;

export type LanguageName = (typeof languages)[number];

/** The name of a language code, or undefined (`LanguageCode#valueOf`). */
export function languageName(code: number): LanguageName | undefined {
  return languages[code];
}

/** The code of a language name, or undefined (`LanguageCode#getCode`). */
export function languageCode(name: string): number | undefined {
  const code = (languages as readonly string[]).indexOf(name);
  return code < 0 ? undefined : code;
}
