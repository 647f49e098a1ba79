/* The languages of Whisper, by code and by name, as openai/whisper names them. */

const named =
  `en english zh chinese de german es spanish ru russian ko korean fr french ja japanese pt portuguese tr turkish pl polish ca catalan
  nl dutch ar arabic sv swedish it italian id indonesian hi hindi fi finnish vi vietnamese he hebrew uk ukrainian el greek ms malay cs czech
  ro romanian da danish hu hungarian ta tamil no norwegian th thai ur urdu hr croatian bg bulgarian lt lithuanian la latin mi maori
  ml malayalam cy welsh sk slovak te telugu fa persian lv latvian bn bengali sr serbian az azerbaijani sl slovenian kn kannada et estonian
  mk macedonian br breton eu basque is icelandic hy armenian ne nepali mn mongolian bs bosnian kk kazakh sq albanian sw swahili gl galician
  mr marathi pa punjabi si sinhala km khmer sn shona yo yoruba so somali af afrikaans oc occitan ka georgian be belarusian tg tajik
  sd sindhi gu gujarati am amharic yi yiddish lo lao uz uzbek fo faroese ht haitian_creole ps pashto tk turkmen nn nynorsk mt maltese
  sa sanskrit lb luxembourgish my myanmar bo tibetan tl tagalog mg malagasy as assamese tt tatar haw hawaiian ln lingala ha hausa
  ba bashkir jw javanese su sundanese yue cantonese`.split(/\s+/);

const aliases = `burmese my valencian ca flemish nl haitian ht letzeburgesch lb pushto ps panjabi pa moldavian ro moldovan ro sinhalese si
  castilian es mandarin zh`.split(/\s+/);

/** The code of a language that is given by its name or its code, in any case of letters; as it is, if it is neither. */
export function languageCode(language: string): string {
  const name = language.trim().toLowerCase().replaceAll(' ', '_');
  const place = named.indexOf(name);
  if (place % 2 === 1) return named[place - 1]!;
  const alias = aliases.indexOf(name);
  return alias >= 0 && alias % 2 === 0 ? aliases[alias + 1]! : name;
}
