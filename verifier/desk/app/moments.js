/* Times in the event's zone and lengths of time, in words. */

/** `09:41`, with the day before it where it is not today's. */
export function moment(text, zone, language) {
  const date = new Date(text);
  const day = (each) => each.toLocaleDateString("en-CA", { timeZone: zone });
  const time = { hour: "2-digit", minute: "2-digit" };
  const far = day(date) === day(new Date()) ? {} : { day: "numeric", month: "long" };
  return date.toLocaleString(language, { timeZone: zone, hourCycle: "h23", ...time, ...far });
}

/** A whole day such as 2 May, from `2027-05-02`. */
export function dayOf(text, language) {
  return new Date(`${text}T12:00:00Z`).toLocaleDateString(language, { day: "numeric", month: "long", timeZone: "UTC" });
}

/** A length in its largest whole unit. */
export function duration(milliseconds, say) {
  const seconds = Math.max(Math.round(milliseconds / 1000), 0);
  if (seconds < 90) return say("seconds", { n: seconds });
  if (seconds < 5400) return say("minutes", { n: Math.round(seconds / 60) });
  return seconds < 172_800 ? say("hours", { n: Math.round(seconds / 3600) }) : say("days", { n: Math.round(seconds / 86_400) });
}
