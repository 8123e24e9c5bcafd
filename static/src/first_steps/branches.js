/**
 * The branches that can be ticked as a whole.
 *
 * @param {String} filter that was listened to
 * @param {Array<{topic: String}>} topics that came
 * @returns {Array<String>} topic filters: that one, or each first level below `#`
 */
export function branchesOf(filter, topics) {
    if (filter !== "#") {
        return [filter];
    }
    const levels = topics.map(({topic}) => topic.split("/", 1)[0]);
    return [...new Set(levels)].map((level) => `${level}/#`);
}

/** Whether a topic filter of `branchesOf` has what a topic sends. */
export function covers(filter, topic) {
    const levels = filter.split("/");
    const names = topic.split("/");
    const end = levels.indexOf("#");
    const fits = (level, index) => level === "+" || level === names[index];
    if (end === -1) {
        return levels.length === names.length && levels.every(fits);
    }
    return names.length >= end && levels.slice(0, end).every(fits);
}
