import {RateWindow} from "./rate_window";

const ROWS = 200; // of a level, until somebody asks for more
const MOST_ROWS = 500; // the server returns no more
const MOST_OPEN = 40; // branches; the server returns no more at a time
const MOST_PINS = 20;
const FEW_TOPICS = 20; // below a branch, which a search opens by itself
const NATURAL = new Intl.Collator(undefined, {numeric: true});

/** Whether a row of a level is a topic itself; it may have others below it as well. */
const isTopic = (row) => "size" in row;
const levelKey = (serviceId, prefix) => `${serviceId} ${prefix}`;

/**
 * The topics of services as a tree: which branches are open, what is known of them, and
 * the lines that this makes. What is known has an end: of levels that are not shown,
 * nothing is kept.
 */
export class TopicTree {
    /** @param {Object} [kept] what :attr:`kept` returned before */
    constructor(kept = {}) {
        this.services = [];
        this.levels = new Map(); // by levelKey: {limit, rows, total}
        this.open = new Set(kept.open || []); // keys of lines
        this.pins = kept.pins || []; // {serviceId, topic}
        this.found = new Set(); // keys of lines that are open during a search
        this.text = "";
        this.isFirst = !kept.open;
    }

    /** What is worth keeping when the page is left. */
    get kept() {
        return {open: [...this.open], pins: this.pins};
    }

    /** @returns {Set} keys of the open lines: a search has its own */
    get opened() {
        return this.text ? this.found : this.open;
    }

    /** @param {String} text that topics are looked for by */
    search(text) {
        this.text = text;
        this.found = new Set(this.services.map(({id}) => `service ${id}`));
        this.levels.clear();
    }

    /** @param {Object[]} services as `live_services` returns them */
    setServices(services) {
        this.services = services;
        if (this.isFirst) {
            services.forEach(({id}) => this.open.add(`service ${id}`));
        }
        if (this.isFirst || !this.found.size) {
            services.forEach(({id}) => this.found.add(`service ${id}`));
        }
        this.isFirst = false;
        const ids = new Set(services.map(({id}) => id));
        this.pins = this.pins.filter(({serviceId}) => ids.has(serviceId));
    }

    /** @returns {Object[]} what is shown, from top to bottom */
    get lines() {
        const lines = [];
        for (const pin of this.text ? [] : this.pins) {
            this.addPin(lines, pin);
        }
        for (const service of this.services) {
            if (this.services.length === 1) {
                this.addLevel(lines, service, "", 1, "", null);
                continue;
            }
            const key = `service ${service.id}`;
            const isOpen = this.opened.has(key);
            lines.push({
                kind: "service",
                key,
                depth: 1,
                isOpen,
                isBranch: true,
                name: service.name,
                service,
                topic: "",
                topics: service.topics,
            });
            if (isOpen) {
                this.addLevel(lines, service, "", 2, "", key);
            }
        }
        return lines;
    }

    addPin(lines, {serviceId, topic}) {
        const service = this.services.find(({id}) => id === serviceId);
        if (!service) {
            return;
        }
        const key = `pin ${serviceId} ${topic}`;
        const isOpen = this.opened.has(key);
        const level = this.levels.get(levelKey(serviceId, `${topic}/`));
        const rows = level?.rows || [];
        const sum = (name) => rows.reduce((total, row) => total + row[name], 0);
        const isWhole = level && level.total === rows.length;
        lines.push({
            kind: "pin",
            key,
            depth: 1,
            isBranch: !level || level.total > 0,
            isOpen,
            isPinned: true,
            isTopic: Boolean(level) && level.total === 0,
            level: levelKey(serviceId, `${topic}/`),
            messages: isWhole ? sum("messages") : undefined,
            name: topic,
            service,
            time: isWhole ? Math.max(...rows.map((row) => row.time), 0) : undefined,
            topic,
            topics: isWhole ? sum("topics") + rows.filter(isTopic).length : undefined,
        });
        if (isOpen) {
            this.addLevel(lines, service, `${topic}/`, 2, "pin", key);
        }
    }

    addLevel(lines, service, prefix, depth, root, parent) {
        const level = this.levels.get(levelKey(service.id, prefix));
        const common = {depth, level: levelKey(service.id, prefix), parent, service};
        if (!level) {
            lines.push({...common, kind: "reading", key: `reading ${root} ${prefix}`});
            return;
        }
        for (const row of level.rows) {
            const topic = prefix + row.name;
            const key = `${root} ${service.id} ${topic}`;
            const isBranch = row.topics > 0;
            const isOpen = isBranch && this.opened.has(key);
            lines.push({
                ...common,
                ...row,
                kind: "topic",
                key,
                isBranch,
                isOpen,
                isPinned: this.isPinned(service.id, topic),
                isTopic: isTopic(row),
                topic,
            });
            if (isOpen) {
                this.addLevel(lines, service, `${topic}/`, depth + 1, root, key);
            }
        }
        const left = level.total - level.rows.length;
        if (left > 0) {
            lines.push({
                ...common,
                kind: "more",
                key: `more ${root} ${service.id} ${prefix}`,
                canShowMore: level.limit < MOST_ROWS,
                left,
                prefix,
            });
        } else if (!level.rows.length) {
            lines.push({...common, kind: "nothing", key: `nothing ${root} ${prefix}`});
        }
    }

    /**
     * @param {Object[]} shown lines on the screen
     * @returns {Object[]} the branches to ask the server for
     */
    branches(shown) {
        const keys = new Set(shown.map(({level}) => level).filter(Boolean));
        // What is neither shown nor asked for is not known any more.
        const used = new Set(this.lines.map(({level}) => level));
        for (const key of this.levels.keys()) {
            if (!used.has(key)) {
                this.levels.delete(key);
            }
        }
        return [...keys].slice(0, MOST_OPEN).map((key) => {
            const at = key.indexOf(" ");
            return {
                service_id: Number(key.slice(0, at)),
                prefix: key.slice(at + 1),
                limit: this.levels.get(key)?.limit || ROWS,
            };
        });
    }

    /**
     * @param {Object} answer of `live_levels`
     * @param {Object[]} asked the branches that it was asked for
     * @returns {Boolean} whether that opened further branches
     */
    update({levels, now}, asked) {
        let isNew = false;
        for (const {prefix, rows, service_id: serviceId, total} of levels) {
            const key = levelKey(serviceId, prefix);
            const before = this.levels.get(key);
            const known = new Map(before?.rows.map((row) => [row.name, row]));
            for (const row of rows) {
                const last = known.get(row.name);
                row.window = last?.window || new RateWindow();
                row.window.add(now, row.messages);
                row.rate = row.window.rate;
                row.isFresh = Boolean(before) && row.messages !== last?.messages;
            }
            rows.sort((a, b) => NATURAL.compare(a.name, b.name));
            const {limit} = asked.find(
                (one) => one.service_id === serviceId && one.prefix === prefix
            );
            this.levels.set(key, {limit, rows, total});
            if (!before) {
                isNew = this.openByItself(serviceId, prefix, rows) || isNew;
            }
        }
        return isNew;
    }

    /** A level with one branch only is no choice; a search shows the little it found. */
    openByItself(serviceId, prefix, rows) {
        const branches = rows.filter((row) => row.topics > 0);
        const isOnly = rows.length === 1;
        const opened = branches.filter(
            (row) => isOnly || (this.text && row.topics <= FEW_TOPICS)
        );
        // What somebody has opened is not closed for it.
        const room = Math.max(0, MOST_OPEN - this.opened.size);
        for (const {name} of opened.slice(0, room)) {
            this.add(` ${serviceId} ${prefix}${name}`);
        }
        return opened.length > 0 && room > 0;
    }

    add(key) {
        const {opened} = this;
        opened.delete(key);
        opened.add(key);
        if (opened.size > MOST_OPEN) {
            opened.delete([...opened].find((one) => !one.startsWith("service")));
        }
    }

    /** @param {Object} line that is opened or closed */
    toggle({isOpen, key}) {
        if (isOpen) {
            this.opened.delete(key);
        } else {
            this.add(key);
        }
    }

    /** @param {Object} line that says how many more there are */
    showMore({level}) {
        this.levels.get(level).limit = MOST_ROWS;
    }

    isPinned(serviceId, topic) {
        return this.pins.some(
            (pin) => pin.serviceId === serviceId && pin.topic === topic
        );
    }

    togglePin(serviceId, topic) {
        if (this.isPinned(serviceId, topic)) {
            this.pins = this.pins.filter(
                (pin) => pin.serviceId !== serviceId || pin.topic !== topic
            );
        } else {
            this.pins = [...this.pins, {serviceId, topic}].slice(-MOST_PINS);
        }
    }
}
