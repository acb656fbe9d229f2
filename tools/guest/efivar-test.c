// SPDX-License-Identifier: MIT
/*
 * Writes a non-volatile EFI variable through efivarfs, reads it back, deletes it; prints "ok" or the step
 * that failed. A program of our own because efivarfs makes variables immutable and busybox has no chattr.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Baton's own test GUID, nobody else's variables are in reach. */
#define VARIABLE "/sys/firmware/efi/efivars/BatonTest-6f1b2d64-90f3-4b1c-9d3a-5d4f3a2b1c0e"

/* Four bytes of attributes (non-volatile, boot service and runtime access), then the data. */
static const char content[] = "\007\000\000\000baton";

static int fail(const char *step)
{
	printf("fail:%s:%s\n", step, strerror(errno));
	return 1;
}

int main(void)
{
	const ssize_t size = sizeof(content) - 1;
	char back[sizeof(content)];
	int fd, flags = 0;

	errno = 0;
	fd = open(VARIABLE, O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		return fail("create");
	if (write(fd, content, (size_t)size) != size)
		return fail("write");
	close(fd);

	fd = open(VARIABLE, O_RDONLY);
	if (fd < 0)
		return fail("open");
	if (read(fd, back, sizeof(back)) != size || memcmp(back, content, (size_t)size))
		return fail("read");
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags))
		return fail("flags");
	close(fd);

	if (unlink(VARIABLE))
		return fail("delete");
	if (!access(VARIABLE, F_OK))
		return fail("still-there");
	printf("ok\n");
	return 0;
}
